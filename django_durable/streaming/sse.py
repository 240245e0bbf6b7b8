"""Server-sent events: the messages of the sockets, one way.

Each event is a message as the sockets send it. Of a stream, its id is the offset of
the last entry in it, so that ``Last-Event-ID`` resumes; of a feed, which tells its
state anew, only the end has an id, so that nobody comes back for it.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager, suppress

from django.db import Error
from django.http import HttpRequest, StreamingHttpResponse

from django_durable import clock, conf
from django_durable.streaming.entries import LARGEST_FRAME
from django_durable.streaming.frames import Frame, frame
from django_durable.streaming.hub import hub_of_loop
from django_durable.streaming.limits import watchers
from django_durable.streaming.outages import outages
from django_durable.streaming.permissions import Decision, Visitor
from django_durable.streaming.places import Asked
from django_durable.streaming.story import Closing, Guard, Story
from django_durable.streaming.topics import Topic

# Nobody acknowledges events, and some servers buffer without bound: after so many
# bytes the client has to come back.
MOST_BYTES = 4 * 1024 * 1024
# The id of the event after which there is nothing to come back for.
END = "end"


def response(
    request: HttpRequest,
    kind: type[Topic],
    visitor: Visitor,
    decision: Decision,
    asked: Asked,
) -> StreamingHttpResponse:
    """Return an endless response; raises TooMany."""
    with ExitStack() as stack:
        stack.enter_context(watchers.place(request.META.get("REMOTE_ADDR")))
        stack.enter_context(watchers.place_of(decision.user))
        events = _events(kind, visitor, decision, asked)
        answer = StreamingHttpResponse(events, content_type="text/event-stream")
        # Also when nobody begins to read it.
        answer._resource_closers.append(stack.pop_all().close)  # type: ignore[attr-defined]
    answer["X-Accel-Buffering"] = "no"
    return answer


async def _events(
    kind: type[Topic], visitor: Visitor, decision: Decision, asked: Asked
) -> AsyncIterator[str]:
    hub, awake = hub_of_loop(), asyncio.Event()
    guard = Guard(hub, visitor, asked, decision)
    place = asked.workflow_id, asked.key
    with _forgiving(), hub.watching(kind, place, awake.set) as topic:
        await topic.is_open.wait()
        heartbeat = conf.current().stream_heartbeat
        # Before anybody is told where the new values begin.
        story = Story(topic, topic.watch(asked.start, LARGEST_FRAME))
        yield _event(frame("welcome", heartbeat=heartbeat, **topic.welcome()))
        sent, said_at = 0, clock.monotonic()
        while sent < MOST_BYTES and not story.is_over:
            awake.clear()
            try:
                await guard.check()
            except Closing as closing:
                yield _event(story.end(closing.reason or "forbidden"))
                return
            if told := await story.next():
                yield _event(told.text, _id_of(told, topic, story))
                sent, said_at = sent + told.size, clock.monotonic()
            elif clock.monotonic() - said_at >= heartbeat:
                yield ": hb\n\n"
                said_at = clock.monotonic()
            else:
                await _pause(awake, min(guard.due_at, said_at + heartbeat))


@contextmanager
def _forgiving() -> Iterator[None]:
    """End without a word when the database does not answer: clients come back."""
    try:
        yield
    except Error as error:
        outages.report("An event stream waits for the database: %s", error)


async def _pause(awake: asyncio.Event, until: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, until - clock.monotonic())):
            await awake.wait()


def _id_of(told: Frame, topic: Topic, story: Story) -> str | None:
    if not topic.has_offsets:
        return END if story.is_over else None
    return str(told.next - 1) if told.size else None


def _event(text: str, event_id: str | None = None) -> str:
    """Return an event; JSON has no line breaks of its own."""
    head = "" if event_id is None else f"id: {event_id}\n"
    return f"{head}data: {text}\n\n"
