"""Streams: ordered values that workflows publish, and reading them as they come."""

from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from django_durable import durations, names
from django_durable.definitions.context import (
    body_frame,
    refuse_running_loop,
    required_frame,
)
from django_durable.definitions.engine import engine
from django_durable.definitions.handles import WorkflowHandle
from django_durable.definitions.messages import id_of
from django_durable.durations import Seconds


@dataclass(frozen=True, slots=True)
class Entries:
    """What one look at a stream found: values, or its end."""

    values: tuple[Any, ...] = ()
    is_over: bool = False
    is_closed: bool = False


def write_stream(key: str, value: Any, *, flush: bool = False) -> None:
    """Append a value to a stream of this workflow, in a workflow or a step.

    From a workflow's body exactly once, as a step of its own. From a step at
    least once: values are gathered and written together, at the latest after
    ``DURABLE["STREAM_BUFFER_SECONDS"]`` or at the end of the step; ``flush=True``
    writes them now. In a transaction step they are written with the commit.
    Raises StreamClosed, SerializationError, NotInWorkflow, and TypeError or
    ValueError for a key that may not be used.
    """
    refuse_running_loop("write_stream", "awrite_stream")
    names.check_name(key, "key")
    required_frame("write_stream").execution.write_stream(key, value, flush)


async def awrite_stream(key: str, value: Any, *, flush: bool = False) -> None:
    """See write_stream()."""
    names.check_name(key, "key")
    await required_frame("awrite_stream").execution.write_stream(key, value, flush)


def close_stream(key: str) -> None:
    """End a stream of this workflow: no value follows, and readers stop.

    A stream that nobody closes ends with its workflow. Closing again does
    nothing. A step that is executed again, after a crash or a failed try, adds
    nothing to a stream that it had closed. Errors as for ``write_stream()``.
    """
    refuse_running_loop("close_stream", "aclose_stream")
    names.check_name(key, "key")
    required_frame("close_stream").execution.close_stream(key)


async def aclose_stream(key: str) -> None:
    """See close_stream()."""
    names.check_name(key, "key")
    await required_frame("aclose_stream").execution.close_stream(key)


class StreamReader:
    """Where a reader of a stream stands.

    ``offset`` is that of the next value; ``closed`` tells, once the reader has
    come to the end, whether the stream was closed explicitly.
    """

    def __init__(
        self, workflow_id: str, key: str, offset: int, timeout: float | None
    ) -> None:
        self.workflow_id = workflow_id
        self.key = key
        self.offset = offset
        self.closed = False
        self._timeout = timeout
        self._ready: deque[Any] = deque()
        self._is_over = False

    def _take(self, found: Entries) -> None:
        self._ready.extend(found.values)
        self._is_over, self.closed = found.is_over, found.is_closed

    def _next(self) -> Any:
        self.offset += 1
        return self._ready.popleft()


class ReadStream(StreamReader, Iterator[Any]):
    """The values of a stream as they arrive; see read_stream()."""

    def __next__(self) -> Any:
        if not self._ready and not self._is_over:
            refuse_running_loop("read_stream", "aread_stream")
            frame = body_frame()
            ask = engine().entries if frame is None else frame.execution.read_stream
            self._take(ask(self.workflow_id, self.key, self.offset, self._timeout))
        if not self._ready:
            raise StopIteration
        return self._next()


class AsyncReadStream(StreamReader, AsyncIterator[Any]):
    """See ReadStream."""

    async def __anext__(self) -> Any:
        if not self._ready and not self._is_over:
            frame, place = body_frame(), (self.workflow_id, self.key, self.offset)
            if frame is None:
                self._take(await engine().aentries(*place, self._timeout))
            else:
                self._take(await frame.execution.read_stream(*place, self._timeout))
        if not self._ready:
            raise StopAsyncIteration
        return self._next()


def read_stream(
    workflow_id: "str | WorkflowHandle[Any]",
    key: str,
    *,
    offset: int = 0,
    timeout: Seconds | None = None,
) -> ReadStream:
    """Iterate over the values of a stream, from an offset on, as they arrive.

    Ends when the stream is closed or the workflow has ended; then ``.closed``
    says whether it was closed explicitly, and ``.offset`` where it stands.
    ``timeout`` (seconds or timedelta) bounds the wait for the next value:
    WaitTimeout. In a workflow's body each value read is recorded. Raises
    WorkflowNotFound, and WaitImpossible as ``get_event()`` does.
    """
    refuse_running_loop("read_stream", "aread_stream")
    place = _place(workflow_id, key, offset)
    limit = durations.optional_seconds(timeout, "timeout")
    if body_frame() is None:
        engine().status(place[0])  # WorkflowNotFound now, not at the first value.
    return ReadStream(*place, limit)


def aread_stream(
    workflow_id: "str | WorkflowHandle[Any]",
    key: str,
    *,
    offset: int = 0,
    timeout: Seconds | None = None,
) -> AsyncReadStream:
    """See read_stream(); for ``async for``."""
    place = _place(workflow_id, key, offset)
    limit = durations.optional_seconds(timeout, "timeout")
    return AsyncReadStream(*place, limit)


def _place(workflow: object, key: str, offset: object) -> tuple[str, str, int]:
    if isinstance(offset, bool) or not isinstance(offset, int):
        raise TypeError(f"offset must be a whole number, not {offset!r}.")
    if not 0 <= offset < 2**63:
        raise ValueError(f"offset must be 0 or more, not {offset}.")
    return id_of(workflow), names.check_name(key, "key"), offset
