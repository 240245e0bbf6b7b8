"""Server-sent events: the messages of the sockets, one way."""

import http.client
import json

from asgiref.sync import async_to_sync
from django.test import RequestFactory

import django_durable as durable
from django_durable.streaming import sse
from django_durable.streaming.limits import watchers
from django_durable.streaming.permissions import Answer, Decision, Visitor
from django_durable.streaming.places import Asked
from django_durable.streaming.streams import StreamTopic
from tests.streaming.clients import PATIENCE

STREAMS = "/durable/streams/"
WORKFLOWS = "/durable/workflows/"


def test_a_response_that_nobody_reads_gives_its_place_back():
    async def answer():
        asked = Asked("a", "out")
        request, decision = RequestFactory().get(STREAMS), Decision(Answer.YES, "1")
        return sse.response(request, StreamTopic, Visitor(None), decision, asked)

    response = async_to_sync(answer)()
    held = watchers.count, watchers.users["1"]
    response.close()

    assert held == (1, 1)
    assert (watchers.count, watchers.users["1"]) == (0, 0)


class Events:
    """A plain reader of an event stream."""

    def __init__(self, server, scribe, key="out", *, headers=None, **query):
        token = durable.stream_token(scribe.workflow_id, key)
        address = f"{STREAMS}?workflow={scribe.workflow_id}&key={key}&live=sse"
        if not key:
            address = f"{WORKFLOWS}?workflow={scribe.workflow_id}&live=sse"
        address += "".join(f"&{name}={value}" for name, value in query.items())
        self._connection = http.client.HTTPConnection(
            "127.0.0.1", server.port, timeout=PATIENCE
        )
        headers = {"Authorization": f"Bearer {token}", **(headers or {})}
        self._connection.request("GET", address, headers=headers)
        self.answer = self._connection.getresponse()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self._connection.close()

    def next(self):
        """Return id and message of the next event, None at the end."""
        last, message = None, None
        while line := self.answer.readline():
            name, _, text = line.decode().rstrip("\n").partition(": ")
            if name == "id":
                last = int(text) if text.isdecimal() else text
            elif name == "data":
                message = json.loads(text)
            elif not line.strip() and message is not None:
                return last, message
        return None

    def until(self, kind):
        while found := self.next():
            if found[1]["t"] == kind:
                return found
        raise AssertionError(f"no {kind} came")

    def rest(self):
        found = []
        while event := self.next():
            found.append(event)
        return found


def test_events_carry_the_messages_of_the_socket(server, scribe):
    scribe.write("out", "a", "b")

    with Events(server, scribe) as events:
        headers = events.answer.headers
        welcome = events.next()
        data = events.next()
        live = events.next()
        scribe.write("out", "c")
        more = events.next()
        scribe.end()
        rest = events.rest()

    assert headers["Content-Type"] == "text/event-stream"
    assert headers["X-Accel-Buffering"] == "no"
    assert (welcome[0], welcome[1]["t"], welcome[1]["next"]) == (None, "welcome", 2)
    assert (data[0], data[1]["from"]) == (1, 0)
    assert live == (None, {"t": "live", "next": 2})
    assert (more[0], more[1]["entries"][0]["v"]) == (2, "c")
    assert [message["t"] for _, message in rest] == ["status", "end"]
    assert rest[1][1]["reason"] == "workflow_ended"


def test_events_resume_behind_the_last_one(server, scribe):
    scribe.write("out", "a", "b", "c")

    with Events(server, scribe, headers={"Last-Event-ID": "1"}) as events:
        events.next()
        last, data = events.next()

    assert (last, [each["v"] for each in data["entries"]]) == (2, ["c"])


def test_nobody_comes_back_to_a_stream_that_is_over(uvicorn, scribe):
    scribe.write("out", "a")
    scribe.end()

    with Events(uvicorn, scribe, headers={"Last-Event-ID": "0"}) as events:
        assert events.answer.status == 204
    with Events(uvicorn, scribe) as events:
        assert events.until("end")


def test_events_end_with_the_token(hasty, scribe):
    with Events(hasty, scribe) as events:
        events.until("live")  # The server is awake.
    token = durable.stream_token(scribe.workflow_id, "out", 0.8)

    headers = {"Authorization": f"Bearer {token}"}
    with Events(hasty, scribe, headers=headers) as events:
        events.until("live")
        assert events.rest()[-1][1]["reason"] == "token_expired"


def test_events_have_signs_of_life(hasty, scribe):
    with Events(hasty, scribe) as events:
        events.until("live")
        assert events.answer.readline() == b": hb\n"


def test_too_many_event_streams_are_sent_away(hasty, scribe):
    held = [Events(hasty, scribe) for _ in range(5)]
    statuses = [each.answer.status for each in held]
    after = held[-1].answer.headers["Retry-After"]
    for each in held:
        each.__exit__()

    assert statuses[-1] == 503
    assert after == "10"


def test_after_some_megabytes_the_client_has_to_come_back(uvicorn, scribe):
    values = [f"{number} {'x' * 60_000}" for number in range(100)]
    for start in range(0, 100, 25):
        scribe.write("out", *values[start : start + 25])

    seen = []
    while len(seen) < 100:
        headers = {"Last-Event-ID": str(len(seen) - 1)} if seen else {}
        with Events(uvicorn, scribe, headers=headers) as events:
            while len(seen) < 100 and (found := events.next()):
                entries = found[1].get("entries", [])
                seen += [entry["v"] for entry in entries]

    assert seen == values


def test_the_news_of_a_workflow_come_as_events(server, scribe):
    scribe.step("charge")
    scribe.set_event("progress", 1)

    with Events(server, scribe, "") as events:
        before = [events.next() for _ in range(4)]
        scribe.set_event("progress", 2)
        news = events.next()
        scribe.end()
        rest = events.rest()

    kinds = [message["t"] for _, message in before]
    assert kinds == ["welcome", "step", "event", "live"]
    assert (news[1]["key"], news[1]["v"]) == ("progress", 2)
    assert {event_id for event_id, _ in [*before, news, rest[0]]} == {None}
    assert [message["t"] for _, message in rest] == ["status", "end"]
    # Whoever comes back after the end is sent away.
    assert rest[-1][0] == sse.END
    with Events(server, scribe, "", headers={"Last-Event-ID": "end"}) as events:
        assert events.answer.status == 204
