"""Server-sent events: the messages of the sockets, one way."""

import asyncio

from asgiref.sync import async_to_sync, sync_to_async
from django.test import RequestFactory

from django_durable.streaming import sse
from django_durable.streaming.hub import hub_of_loop
from django_durable.streaming.limits import watchers
from django_durable.streaming.permissions import Answer, Decision, Visitor
from django_durable.streaming.places import NEW_ONLY, Asked
from django_durable.streaming.streams import StreamTopic
from tests.streaming.events import STREAMS, Events


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


def test_events_have_signs_of_life(hasty, scribe):
    with Events(hasty, scribe) as events:
        events.until("live")
        assert events.answer.readline() == b": hb\n"


def test_new_values_begin_where_the_welcome_says(scribe):
    """Also those that are written while it is on its way."""
    asked = Asked(scribe.workflow_id, "out", NEW_ONLY)
    place = scribe.workflow_id, "out"

    async def main():
        hub = hub_of_loop()
        events = sse._events(StreamTopic, Visitor(None), Decision(Answer.YES), asked)
        try:
            async with asyncio.timeout(10):
                welcome = await anext(events)
                await sync_to_async(scribe.write)("out", "new")
                while hub._topics[StreamTopic, place].next_offset == 0:
                    await asyncio.sleep(0.01)
                return welcome, await anext(events)
        finally:
            await events.aclose()
            hub.close()

    welcome, data = asyncio.run(main())

    assert '"next":0' in welcome
    assert '"v":"new"' in data


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
