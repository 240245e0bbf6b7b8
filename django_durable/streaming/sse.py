"""Server-sent events: the messages of the sockets, one way.

Each event is a message as the sockets send it; its id is the offset of the last
entry in it, so that ``Last-Event-ID`` resumes.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager, suppress

from django.db import Error
from django.http import StreamingHttpResponse

from django_durable import clock, conf
from django_durable.streaming.frames import Frame, frame
from django_durable.streaming.hub import hub_of_loop
from django_durable.streaming.limits import watchers
from django_durable.streaming.permissions import Decision, Visitor
from django_durable.streaming.places import Asked
from django_durable.streaming.story import Closing, Guard, Story
from django_durable.streaming.streams import StreamTopic, StreamWatch

logger = logging.getLogger("django_durable")

# Nobody acknowledges events, and some servers buffer without bound: after so many
# bytes the client has to come back.
MOST_BYTES = 4 * 1024 * 1024


def response(
    visitor: Visitor, decision: Decision, asked: Asked
) -> StreamingHttpResponse:
    """Return an endless response; raises TooMany."""
    with ExitStack() as stack:
        stack.enter_context(watchers.place())
        stack.enter_context(watchers.place_of(decision.user))
        answer = StreamingHttpResponse(
            _events(visitor, decision, asked), content_type="text/event-stream"
        )
        # Also when nobody begins to read it.
        answer._resource_closers.append(stack.pop_all().close)  # type: ignore[attr-defined]
    answer["X-Accel-Buffering"] = "no"
    return answer


async def _events(
    visitor: Visitor, decision: Decision, asked: Asked
) -> AsyncIterator[str]:
    hub, awake = hub_of_loop(), asyncio.Event()
    guard = Guard(hub, visitor, asked, decision)
    place = asked.workflow_id, asked.key
    with _forgiving(), hub.watching(StreamTopic, place, awake.set) as topic:
        await topic.is_open.wait()
        heartbeat = conf.current().stream_heartbeat
        yield _event(frame("welcome", heartbeat=heartbeat, **topic.welcome()))
        story = Story(topic, StreamWatch(topic, asked.start))
        sent, said_at = 0, clock.monotonic()
        while sent < MOST_BYTES and not story.is_over:
            awake.clear()
            try:
                await guard.check()
            except Closing as closing:
                yield _event(story.end(closing.reason or "forbidden"))
                return
            while sent < MOST_BYTES and (told := await story.next()):
                yield _message(told)
                sent, said_at = sent + told.size, clock.monotonic()
            if clock.monotonic() - said_at >= heartbeat:
                yield ": hb\n\n"
                said_at = clock.monotonic()
            if not story.is_over:
                await _pause(awake, min(guard.due_at, said_at + heartbeat))


@contextmanager
def _forgiving() -> Iterator[None]:
    """End without a word when the database does not answer: clients come back."""
    try:
        yield
    except Error as error:
        logger.warning("An event stream waits for the database: %s", error)


async def _pause(awake: asyncio.Event, until: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, until - clock.monotonic())):
            await awake.wait()


def _message(told: Frame) -> str:
    if told.size:
        return f"id: {told.next - 1}\n{_event(told.text)}"
    return _event(told.text)


def _event(text: str) -> str:
    """Return an event; JSON has no line breaks of its own."""
    return f"data: {text}\n\n"
