"""A consumer alone, with a server that behaves as the test says."""

import asyncio
import json
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest
from django.db import OperationalError, connection

import django_durable as durable
from django_durable.streaming import consumers, hub, outages, sse
from django_durable.streaming.consumers import StreamConsumer
from django_durable.streaming.frames import Frame
from django_durable.streaming.limits import watchers
from django_durable.streaming.permissions import Answer, Decision, Visitor, decide
from django_durable.streaming.places import Asked
from django_durable.streaming.sockets import session_key_of
from django_durable.streaming.story import Story
from tests.people import session_of, user_with

pytestmark = pytest.mark.django_db(transaction=True)

CONNECT = {"type": "websocket.connect"}
GONE = {"type": "websocket.disconnect", "code": 1006}


class Wire:
    """What an ASGI server gives to an application, and gets from it."""

    def __init__(self, scribe, *, on_send=None, says_hello=True, max_age=60):
        query = {"workflow": scribe.workflow_id, "key": "out"}
        self.scope = {
            "type": "websocket",
            "query_string": urlencode(query).encode(),
            "subprotocols": ["durable-stream.v1"],
            "headers": [],
        }
        token = durable.stream_token(scribe.workflow_id, "out", max_age)
        self._hello = {"token": token} if says_hello else None
        self._on_send = on_send
        self.sent = []

    async def serve(self):
        self.coming = asyncio.Queue()
        self.coming.put_nowait(CONNECT)
        if self._hello:
            self.say("hello", **self._hello)
        async with asyncio.timeout(10):
            await StreamConsumer()(self.scope, self.coming.get, self._send)

    def say(self, kind, **content):
        text = json.dumps({"t": kind, **content})
        self.coming.put_nowait({"type": "websocket.receive", "text": text})

    async def _send(self, message):
        self.sent.append(message)
        if self._on_send is not None:
            await self._on_send(self, message)

    @property
    def code(self):
        """The code of the close, None if it was not closed by us."""
        codes = [m["code"] for m in self.sent if m["type"] == "websocket.close"]
        assert len(codes) <= 1
        return codes[0] if codes else None

    @property
    def kinds(self):
        texts = [m["text"] for m in self.sent if m["type"] == "websocket.send"]
        return [json.loads(text)["t"] for text in texts]


def served(wire):
    """Serve one socket to its end, and leave nothing behind."""

    async def main():
        try:
            await wire.serve()
        finally:
            hub.hub_of_loop().close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.sleep(0)
            assert {task for task in others if not task.done()} == set()

    asyncio.run(main())
    assert (watchers.count, watchers.granted) == (0, 0)
    return wire


def test_who_says_no_hello_is_closed(scribe, settings):
    settings.DURABLE = {"STREAM_HELLO_TIMEOUT": 0.1}

    wire = served(Wire(scribe, says_hello=False))

    assert (wire.kinds, wire.code) == ([], 4401)


def test_who_is_logged_in_and_may_not_watch_need_not_say_hello(scribe, settings):
    settings.DURABLE = {"STREAM_HELLO_TIMEOUT": 0.1}
    wire = Wire(scribe, says_hello=False)
    cookie = f"sessionid={session_of(user_with())}"
    wire.scope["headers"] = [(b"cookie", cookie.encode())]

    served(wire)

    assert (wire.kinds, wire.code) == ([], 4403)


@pytest.mark.once
@pytest.mark.parametrize(
    ("cookies", "found"),
    [
        ([], None),
        ([b""], None),
        ([b"a=b"], None),
        ([b"a=b; sessionid=x"], "x"),
        ([b"a=b", b"sessionid=x", b"\xff=c"], "x"),
    ],
)
def test_cookies_may_come_in_parts(cookies, found):
    headers = [(b"host", b"x"), *((b"cookie", each) for each in cookies)]

    assert session_key_of({"headers": headers}) == found


def test_a_database_that_does_not_answer_means_try_later(scribe, monkeypatch, caplog):
    def admit(*args):
        raise OperationalError("gone")

    monkeypatch.setattr(consumers, "admit", admit)

    wire = served(Wire(scribe))

    assert (wire.kinds, wire.code) == ([], 1013)
    assert "A socket waits for the database: gone" in caplog.text


@pytest.mark.once
def test_an_outage_is_told_once_for_all_sockets(scribe, monkeypatch, caplog):
    """And again after a minute, if it goes on."""
    moments = iter([0.0, 1.0, 59.0, 60.0, 61.0])
    clock = SimpleNamespace(monotonic=lambda: next(moments))
    monkeypatch.setattr(outages, "clock", clock)

    def admit(*args):
        raise OperationalError("gone")

    monkeypatch.setattr(consumers, "admit", admit)
    told = []
    for _ in range(5):
        assert served(Wire(scribe)).code == 1013
        told.append(caplog.text.count("A socket waits for the database: gone"))

    assert told == [1, 1, 1, 2, 2]


def test_a_server_that_sends_no_such_code_sends_one_of_ours(scribe, monkeypatch):
    def admit(*args):
        raise OperationalError("gone")

    async def refuse(wire, message):
        if message.get("code") == 1013:
            wire.sent.pop()
            raise Exception("invalid close code 1013")

    monkeypatch.setattr(consumers, "admit", admit)

    assert served(Wire(scribe, on_send=refuse)).code == 4013


def test_a_connection_that_broke_while_it_was_idle_is_made_again(scribe, monkeypatch):
    admit, asked = consumers.admit, []

    def admit_over_a_broken_connection(*args):
        asked.append(1)
        if len(asked) == 1:
            connection.ensure_connection()
            connection.connection.close()
            connection.errors_occurred = True
            raise OperationalError("gone")
        return admit(*args)

    monkeypatch.setattr(consumers, "admit", admit_over_a_broken_connection)
    scribe.write("out", "a")
    scribe.end()

    wire = served(Wire(scribe))

    assert (len(asked), wire.code) == (2, 1000)
    assert "welcome" in wire.kinds


def test_event_streams_end_when_the_database_does_not_answer(
    scribe, monkeypatch, caplog
):
    async def check(guard):
        raise OperationalError("gone")

    monkeypatch.setattr(sse.Guard, "check", check)
    asked = Asked(scribe.workflow_id, "out")

    async def main():
        events = sse._events(
            consumers.StreamTopic, Visitor(None), Decision(Answer.YES), asked
        )
        try:
            return [event async for event in events]
        finally:
            hub.hub_of_loop().close()

    (welcome,) = asyncio.run(main())

    assert '"welcome"' in welcome
    assert "An event stream waits for the database: gone" in caplog.text


def test_a_fault_of_ours_is_logged_and_closes_the_socket(scribe, monkeypatch, caplog):
    def admit(*args):
        raise ZeroDivisionError

    monkeypatch.setattr(consumers, "admit", admit)

    wire = served(Wire(scribe))

    assert (wire.kinds, wire.code) == ([], 1011)
    assert "ZeroDivisionError" in caplog.text


def test_a_server_that_blocks_its_sender_does_not_block_for_ever(scribe, settings):
    settings.DURABLE = {"STREAM_ACK_TIMEOUT": 0.1}

    async def block(wire, message):
        if "live" in message.get("text", ""):
            await asyncio.sleep(3600)

    wire = served(Wire(scribe, on_send=block))

    assert wire.code == 4508


@pytest.mark.parametrize("error", [OSError("gone"), RuntimeError("after close")])
def test_a_server_that_has_lost_the_client_may_say_so(scribe, error, caplog):
    async def fail(wire, message):
        if message["type"] == "websocket.send":
            raise error

    wire = served(Wire(scribe, on_send=fail))

    assert wire.code is None
    assert caplog.text == ""


@pytest.mark.parametrize("when", ["accept", "welcome", "live"])
def test_a_client_may_leave_at_any_time(scribe, when):
    async def leave(wire, message):
        if when in message["type"] or when in message.get("text", ""):
            wire.coming.put_nowait(GONE)

    wire = served(Wire(scribe, on_send=leave))

    assert wire.code is None
    assert "end" not in wire.kinds


def test_a_ping_that_comes_while_something_is_sent_is_answered(scribe):
    async def ping(wire, message):
        text = message.get("text", "")
        if "live" in text:
            wire.say("ping")
            await asyncio.sleep(0.01)  # The listening task hears it now.
        if "pong" in text:
            wire.coming.put_nowait(GONE)

    wire = served(Wire(scribe, on_send=ping))

    assert wire.kinds == ["welcome", "live", "pong"]


def test_a_client_that_leaves_before_the_database_answers_is_forgotten(
    scribe, monkeypatch
):
    """The hub looks for ever without an answer: nobody waits for it."""

    def fail(cursors):
        raise OperationalError("gone")

    monkeypatch.setattr(consumers.StreamTopic, "look", staticmethod(fail))
    admit = consumers.admit

    def leave_soon(*args):
        wire.loop.call_soon_threadsafe(wire.coming.put_nowait, GONE)
        return admit(*args)

    monkeypatch.setattr(consumers, "admit", leave_soon)
    wire = Wire(scribe)

    async def remember(wire, message):
        wire.loop = asyncio.get_running_loop()

    wire._on_send = remember
    served(wire)

    assert (wire.kinds, wire.code) == ([], None)


def flowing(monkeypatch):
    """Let a stream have the next message at any time."""

    async def more(story):
        await asyncio.sleep(0)
        return Frame('{"t":"status","status":"PENDING"}', 0, 0)

    monkeypatch.setattr(Story, "next", more)


def test_a_stream_without_a_pause_ends_with_its_permission(scribe, monkeypatch):
    flowing(monkeypatch)

    wire = served(Wire(scribe, max_age=0.2))

    assert wire.code == 4401
    assert wire.kinds[-1] == "end"


def test_a_stream_without_a_pause_answers_a_ping(scribe, monkeypatch):
    flowing(monkeypatch)

    async def ping(wire, message):
        if "welcome" in message.get("text", ""):
            wire.say("ping")
        if "pong" in message.get("text", ""):
            wire.coming.put_nowait(GONE)

    assert "pong" in served(Wire(scribe, on_send=ping)).kinds


def test_events_without_a_pause_end_with_their_permission(scribe, monkeypatch):
    flowing(monkeypatch)
    token = durable.stream_token(scribe.workflow_id, "out", 0.2)
    asked = Asked(scribe.workflow_id, "out")

    async def main():
        visitor = Visitor(None, token)
        decision = decide(visitor, scribe.workflow_id, "out")
        events = sse._events(consumers.StreamTopic, visitor, decision, asked)
        try:
            async with asyncio.timeout(10):
                return [event async for event in events][-1]
        finally:
            hub.hub_of_loop().close()

    assert "token_expired" in asyncio.run(main())
