"""Who is closed for being silent, loud, slow or too many."""

import json
import socket
import time
from contextlib import ExitStack, suppress

import pytest
from websockets.exceptions import ConnectionClosed

import django_durable as durable
from django_durable import clock
from django_durable.streaming import limits
from tests.people import user_with
from tests.streaming.clients import url, watching


def test_a_server_gives_signs_of_life_and_wants_some(hasty, scribe):
    with watching(hasty, scribe) as client:
        heard, code = client.closed_with()

    assert code == 4408
    kinds = [message["t"] for message in heard]
    assert kinds[:3] == ["welcome", "live", "hb"]
    assert heard[0]["heartbeat"] == 0.4


def test_who_answers_the_signs_of_life_stays(hasty, scribe):
    with watching(hasty, scribe) as client:
        client.hear_until("live")
        for _ in range(3):
            client.hear("hb")
            client.say("ping")
            client.hear("pong")


def test_too_many_messages_close_the_socket(hasty, scribe):
    with watching(hasty, scribe) as client:
        client.hear_until("live")
        with suppress(ConnectionClosed):
            for _ in range(60):
                client.say("ping")
        assert client.close_code() == 4429


def test_too_many_sockets_of_a_user_are_refused(hasty, scribe):
    ana, eve = user_with(), user_with(name="eve")
    token = durable.stream_token(scribe.workflow_id, "out", user=ana)
    another = durable.stream_token(scribe.workflow_id, "out", user=eve)

    with (
        watching(hasty, scribe, token=token) as one,
        watching(hasty, scribe, token=token) as two,
    ):
        one.hear("welcome")
        two.hear("welcome")
        with watching(hasty, scribe, token=token) as three:
            assert three.closed_with() == ([], 4429)
        with watching(hasty, scribe, token=another) as other:
            other.hear("welcome")


def test_too_many_sockets_of_the_process_are_refused(hasty, scribe):
    token = durable.stream_token(scribe.workflow_id, "out")

    def greet(client):
        """Say hello; return how it is answered, or the code of the close."""
        with suppress(ConnectionClosed):
            client.say("hello", token=token)
            return client.hear()["t"]
        return client.close_code()

    with ExitStack() as stack:
        sockets = [watching(hasty, scribe, token=False) for _ in range(5)]
        clients = [stack.enter_context(socket) for socket in sockets]
        answers = [greet(client) for client in clients]

    # The place of a test before is free a little after its socket was closed.
    assert set(answers) == {"welcome", 4429}
    assert answers.count("welcome") >= 3


def test_who_opens_sockets_too_fast_is_sent_away_for_a_while(settings, monkeypatch):
    settings.DURABLE = {"STREAM_HANDSHAKE_RATE": 5}
    now = 100.0
    monkeypatch.setattr(clock, "monotonic", lambda: now)
    watchers = limits.Watchers()

    def come(times):
        """Open and close so many, one after the other; return how many may."""
        served = 0
        for _ in range(times):
            with suppress(limits.TooMany), watchers.place():
                served += 1
        return served

    assert come(100) == 10
    now += 1
    assert come(100) == 5


@pytest.mark.once
def test_one_address_takes_nothing_from_the_others(settings, monkeypatch):
    settings.DURABLE = {
        "STREAM_HANDSHAKE_RATE": 6,
        "STREAM_HANDSHAKE_RATE_PER_ADDRESS": 2,
    }
    now = 100.0
    monkeypatch.setattr(clock, "monotonic", lambda: now)
    watchers = limits.Watchers()

    def come(*addresses):
        """Open and close a socket from each; return which of them may."""
        served = []
        for address in addresses:
            with suppress(limits.TooMany), watchers.place(address):
                served.append(address)
        return served

    assert come(*["192.0.2.1"] * 100) == ["192.0.2.1"] * 4
    assert come("::ffff:192.0.2.1", "192.0.2.2") == ["192.0.2.2"]
    # One client may have as many addresses of an IPv6 network as it likes.
    network = [f"2001:db8::{number}" for number in range(1, 7)]
    assert come(*network, "2001:db8:0:1::1") == [*network[:4], "2001:db8:0:1::1"]
    now += 1
    assert come(*["192.0.2.1"] * 3) == ["192.0.2.1"] * 2
    # Without an address, as over a socket of Unix, only the process's rate counts.
    assert len(come(*[None] * 100)) == 6


@pytest.mark.once
def test_addresses_that_have_been_silent_are_forgotten(settings, monkeypatch):
    now = 100.0
    monkeypatch.setattr(clock, "monotonic", lambda: now)
    rates = limits.Rates()

    for number in range(limits.MOST_RATES):
        rates.allow_one(f"address {number}", 1)
    now += limits.RECOVERY_SECONDS
    rates.allow_one("another", 1)

    assert list(rates._rates) == ["another"]


def test_what_is_not_acknowledged_fills_the_window(hasty, scribe):
    scribe.write("out", *("x" * 500 for _ in range(4)))
    with watching(hasty, scribe, **{"from": 3}) as client:
        window = client.hear("welcome")["window"]
        client.hear_until("live")
        for _ in range(20):
            scribe.write("out", "y" * 700)
        sent, code = [], None
        heard, code = client.closed_with(pings=True)
        sent = [message for message in heard if message["t"] == "data"]

    assert window == 2000
    assert code == 4508
    assert sum(len(json.dumps(message)) for message in sent[:-1]) < window
    assert len(sent) < 20


def test_who_acknowledges_gets_everything(hasty, scribe):
    with watching(hasty, scribe) as client:
        client.hear_until("live")
        for number in range(8):
            scribe.write("out", f"{number}" * 900)
        values = client.values(8)

    assert values == [f"{number}" * 900 for number in range(8)]


def test_whoever_is_cut_off_goes_on_where_it_stood(hasty, scribe):
    expected = [f"{number} {'y' * 700}" for number in range(12)]
    for value in expected:
        scribe.write("out", value)

    with watching(hasty, scribe) as client:
        heard, code = client.closed_with(pings=True)
    seen = [e["v"] for m in heard if m["t"] == "data" for e in m["entries"]]
    assert code == 4508
    with watching(hasty, scribe, **{"from": len(seen)}) as client:
        client.hear("welcome")
        seen += client.values(12 - len(seen))

    assert seen == expected


@pytest.mark.parametrize("ack", [0, 10**15])
def test_an_ack_of_what_was_never_sent_opens_nothing_more(hasty, scribe, ack):
    for _ in range(20):
        scribe.write("out", "y" * 700)

    with watching(hasty, scribe) as client:
        client.hear("welcome")
        client.say("ack", next=ack)
        heard, code = client.closed_with(pings=True)

    assert code == 4508
    assert len([message for message in heard if message["t"] == "data"]) < 10


def test_a_client_that_never_reads_harms_nobody(daphne, uvicorn, scribe):
    """Neither a server that never blocks its sender, nor one that does."""
    for server in (daphne, uvicorn):
        before = server.memory()
        with deaf(server, scribe) as count:
            scribe.write(f"{server.kind}", *("z" * 50_000 for _ in range(100)))
            with watching(server, scribe, server.kind) as other:
                other.hear("welcome")
                assert len(other.values(100)) == 100
        assert count == 3
        # 15 MB were written for them; a window is 256 KiB.
        assert server.memory() - before < 40 * 2**20


class deaf:
    """Three sockets that say hello and read nothing."""

    def __init__(self, server, scribe):
        self.server, self.scribe = server, scribe

    def __enter__(self):
        self.sockets = [self._open() for _ in range(3)]
        time.sleep(0.05)
        return len(self.sockets)

    def __exit__(self, *exc_info):
        for each in self.sockets:
            each.close()

    def _open(self):
        key = self.server.kind
        token = durable.stream_token(self.scribe.workflow_id, key)
        address = url(self.server, workflow=self.scribe.workflow_id, key=key)
        path = address.partition(f":{self.server.port}")[2]
        raw = socket.create_connection(("127.0.0.1", self.server.port))
        raw.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nOrigin: http://127.0.0.1\r\n"
            "Sec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Protocol: durable-stream.v1\r\n\r\n".encode()
        )
        assert b"101" in raw.recv(64)
        hello = json.dumps({"t": "hello", "token": token}).encode()
        # A frame of a client is masked; the mask of zeros changes nothing.
        raw.sendall(
            bytes([0x81, 0xFE]) + len(hello).to_bytes(2, "big") + bytes(4) + hello
        )
        return raw
