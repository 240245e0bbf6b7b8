"""Every close code, as a plain client gets it from each kind of server."""

from contextlib import ExitStack, suppress
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from django.db import connection
from websockets.exceptions import ConnectionClosed

import django_durable as durable
from django_durable.streaming.frames import Close
from tests.streaming import servers
from tests.streaming.clients import watching
from tests.streaming.conftest import HASTY

# What Daphne does not send; it sends 3,000 more.
NOT_OF_DAPHNE = {Close.FAILED, Close.TRY_LATER}
# Servers say it by themselves, except that Daphne cuts the line: 1006 in a browser.
RESTART = {"uvicorn": 1012, "daphne": None}


def code_of(server, code):
    """Return how a server says a code."""
    is_another = server.kind == "daphne" and code in NOT_OF_DAPHNE
    return code + 3000 if is_another else code


def end(clients, scribe):
    for client in clients:
        client.hear_until("live")
    scribe.end()


def mumble(clients, scribe):
    for client in clients:
        client.socket.send("[")


def hurry(clients, scribe):
    for client in clients:
        client.say("ping")


def shout(clients, scribe):
    for client in clients:
        client.hear_until("live")
        with suppress(ConnectionClosed):
            for _ in range(60):
                client.say("ping")


def overfeed(clients, scribe):
    for client in clients:
        client.hear_until("live")
    for _ in range(20):
        scribe.write("out", "x" * 700)


def nothing(clients, scribe):
    pass


# What is watched, and what is done then.
WAYS = {
    Close.DONE: ("out", end),
    Close.FAILED: ("broken", nothing),
    Close.BAD_MESSAGE: ("out", mumble),
    Close.NO_TOKEN: (None, hurry),
    Close.FORBIDDEN: ("secret", nothing),
    Close.IDLE: ("out", nothing),
    Close.TOO_MANY: ("out", shout),
    Close.SLOW: ("out", overfeed),
}


@pytest.mark.parametrize("name", HASTY)
def test_servers_are_awake(request, scribe, name):
    """A first answer takes its time: those of the next tests must not."""
    with watching(request.getfixturevalue(name), scribe) as client:
        client.hear_until("live")


@pytest.mark.parametrize("code", WAYS, ids=lambda code: code.name)
def test_each_server_closes_with_the_code(
    hasty, hasty_daphne, hasty_redis, scribe, settings, faults, code
):
    settings.CHANNEL_LAYERS = hasty_redis.layers
    all_servers = [hasty, hasty_daphne, hasty_redis]
    key, provoke = WAYS[code]
    if code == Close.FAILED:
        faults.append("ZeroDivisionError: a fault of the project")

    with ExitStack() as stack:
        clients = [
            stack.enter_context(watching(each, scribe, key or "out", token=bool(key)))
            for each in all_servers
        ]
        provoke(clients, scribe)
        pings = code != Close.IDLE
        codes = [client.closed_with(pings=pings)[1] for client in clients]

    assert codes == [code_of(each, code) for each in all_servers]


def nowhere():
    """Return the URL of a database that cannot be reached."""
    if connection.vendor == "sqlite":
        return "sqlite:////nonexistent/db.sqlite3"
    return "postgresql://nobody@127.0.0.1:1/nothing"


@pytest.mark.parametrize("kind", ["uvicorn", "daphne"])
def test_a_server_without_its_database_wants_to_be_asked_later(kind, scribe, directory):
    token = durable.stream_token(scribe.workflow_id, "out")
    address = f"/durable/streams/?workflow={scribe.workflow_id}&key=out"
    with servers.running(kind, directory, DATABASE_URL=nowhere()) as server:
        with watching(server, scribe) as client:
            assert client.closed_with() == ([], code_of(server, Close.TRY_LATER))
        request = Request(f"http://127.0.0.1:{server.port}{address}")
        request.add_header("Authorization", f"Bearer {token}")
        with pytest.raises(HTTPError) as refusal:
            urlopen(request, timeout=20)

        with refusal.value as answer:
            assert (answer.code, answer.headers["Retry-After"]) == (503, "10")
        assert server.log.count("waits for the database") == 2
        assert "Traceback" not in server.log


@pytest.mark.once
@pytest.mark.parametrize("kind", RESTART)
def test_a_server_that_stops_cuts_off_all_and_stops(kind, scribe, directory):
    with servers.running(kind, directory) as server:
        with (
            watching(server, scribe) as client,
            watching(server, scribe, token=False) as stranger,
        ):
            client.hear_until("live")
            server.process.terminate()
            for each in (client, stranger):
                assert each.closed_with() == ([], RESTART[kind])
        server.process.wait(timeout=20)

        assert "Traceback" not in server.log


@pytest.mark.once
def test_each_code_has_its_way():
    assert {*WAYS, Close.TRY_LATER} == set(Close)
