"""What the inside of a step publishes: gathered, and written together.

The values of an ordinary step go out when there are many, when the first of them
has waited for a while, or when the step ends; the first of each stream goes out
at once, so that readers see the beginning and the step learns whether the stream
is open. Those of a transaction step wait for its checkpoint and commit with it.
"""

import heapq
import itertools
import logging
import threading
from collections.abc import Iterator

from django.db import connections

from django_durable import clock, conf, failures
from django_durable.definitions.context import Frame
from django_durable.exceptions import EventAlreadySet, StreamClosed, Unwind
from django_durable.execution import records
from django_durable.execution.journal import Place
from django_durable.execution.state import State
from django_durable.models import Event, Step, Stream, Workflow
from django_durable.models.checkpoint import Checkpoint
from django_durable.models.entries import StreamWriting
from django_durable.models.event import EventSetting

logger = logging.getLogger("django_durable")

# The flusher's thread ends, and gives its connection back, after so long a rest.
LINGER_SECONDS = 5.0


class Outbox:
    """The publications of one attempt of a step."""

    def __init__(self, execution: State, frame: Frame, *, is_atomic: bool) -> None:
        self.execution = execution
        self.is_atomic = is_atomic
        self._frame = frame
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._values: dict[str, list[str]] = {}
        self._closing: set[str] = set()
        self._closed: set[str] = set()
        self._complete: set[str] = set()
        self._opened: set[str] = set()
        self._events: dict[str, EventSetting] = {}
        self.summary: str | None = None
        self._count = 0
        self._bytes = 0
        self._is_scheduled = False
        self._error: Exception | None = None

    def write(self, key: str, text: str, *, flush: bool) -> bool:
        """Take a value; tell whether it is time to flush."""
        settings = conf.current()
        with self._lock:
            self._raise_what_failed()
            if key in self._closed:
                raise StreamClosed(self.execution.workflow_id, key)
            if key in self._complete:
                return False
            self._values.setdefault(key, []).append(text)
            self._count += 1
            self._bytes += size_of(text)
            is_first = key not in self._opened
            is_full = (
                self._count >= settings.stream_buffer_items
                or self._bytes >= settings.stream_buffer_bytes
            )
        if self.is_atomic or self._is_in_transaction():
            return False
        if flush or is_first or is_full:
            return True
        self._schedule(settings.stream_buffer_seconds)
        return False

    def close(self, key: str) -> bool:
        """End a stream after what was written to it; tell whether to flush."""
        with self._lock:
            self._raise_what_failed()
            self._values.setdefault(key, [])
            self._closing.add(key)
            self._closed.add(key)
        return not (self.is_atomic or self._is_in_transaction())

    def keep_event(self, key: str, value: str, *, overwrite: bool) -> None:
        """Keep an event of a transaction step until its checkpoint."""
        execution = self.execution
        if not overwrite:
            events = Event.objects.using(execution.host.using)
            mine = events.filter(workflow=execution.workflow_id, key=key)
            if key in self._events or mine.exists():
                raise EventAlreadySet(execution.workflow_id, key)
        self._events[key] = event_of(
            execution, self._frame, key, value, overwrite=overwrite
        )

    def flush(self) -> None:
        """Write what has gathered. What cannot be written now stays."""
        with self._writing:
            rows = self._take()
            try:
                while rows:
                    recorded = self.execution.host.publish(rows[0])
                    row = rows.pop(0)
                    self.execution.settle(recorded)
                    self._note(recorded.checkpoint, row.key)
            finally:
                self._put_back(rows)

    def flush_behind(self) -> None:
        """Flush in the background; the step hears of an error at its next call."""
        self._is_scheduled = False
        try:
            self.flush()
        except Unwind:
            return  # The execution knows: the step's next call unwinds.
        except Exception as error:
            self._error = error

    def commit(self) -> None:
        """Write everything on this thread's connection, in its transaction."""
        rows: list[EventSetting | StreamWriting]
        rows = [*self._events.values(), *self._take()]
        steps = Step.objects.using(self.execution.host.using)
        for row in rows:
            recorded = steps.publish([row], waits=True)[0]
            self.execution.settle(recorded)
            written = recorded.checkpoint
            assert written is not None
            if written.error is not None:
                is_event = isinstance(row, EventSetting)
                refusal = EventAlreadySet if is_event else StreamClosed
                raise refusal(self.execution.workflow_id, row.key)
        if self.summary is not None:
            execution = self.execution
            workflows = Workflow.objects.using(execution.host.using)
            workflows.summarize(execution.workflow_id, execution.claim, self.summary)

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing waits to be written."""
        return not (self._values or self._events or self._error)

    def _take(self) -> list[StreamWriting]:
        with self._lock:
            self._raise_what_failed()
            values, closing = self._values, self._closing
            self._values, self._closing = {}, set()
            self._count = self._bytes = 0
        return list(self._rows(values, closing))

    def _rows(
        self, values: dict[str, list[str]], closing: set[str]
    ) -> Iterator[StreamWriting]:
        # Apart, so that values whose answer got lost do not meet their own end
        # when they are written again.
        for key, texts in values.items():
            if texts:
                yield stream_of(self.execution, self._frame, key, texts, closes=False)
            if key in closing:
                yield stream_of(self.execution, self._frame, key, [], closes=True)

    def _put_back(self, rows: list[StreamWriting]) -> None:
        with self._lock:
            for row in rows:
                later = self._values.get(row.key, [])
                self._values[row.key] = [*row.values, *later]
                self._count += len(row.values)
                self._bytes += sum(map(size_of, row.values))
                if row.closes:
                    self._closing.add(row.key)

    def _note(self, written: Checkpoint | None, key: str) -> None:
        if written is None or written.error is None:
            self._opened.add(key)
            return
        pk, place = self.execution.workflow_id, (written.branch, written.step_id)
        streams = Stream.objects.using(self.execution.host.using)
        if streams.is_closed_by(pk, key, place):
            # By this very step, before a crash or in another try: it is all there.
            self._complete.add(key)
            return
        self._closed.add(key)
        raise StreamClosed(pk, key)

    def _raise_what_failed(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _is_in_transaction(self) -> bool:
        """Tell whether the step itself has a transaction open on this thread.

        A write on another connection might wait for that very transaction.
        """
        execution = self.execution
        blocks = connections[execution.host.using].atomic_blocks
        return len(blocks) > execution.atomic_depth

    def _schedule(self, seconds: float) -> None:
        if self.execution.host.has_background and not self._is_scheduled:
            self._is_scheduled = True
            flusher.schedule(self, seconds)


def size_of(text: str) -> int:
    """Return how many bytes a text has in UTF-8."""
    # Python knows of each text whether its characters are bytes.
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))


def outbox_of(execution: State, frame: Frame, *, is_atomic: bool) -> Outbox:
    """Return the outbox of a step's inside, made at its first use."""
    if frame.outbox is None:
        frame.outbox = Outbox(execution, frame, is_atomic=is_atomic)
    return frame.outbox  # type: ignore[no-any-return]


def event_of(
    execution: State, frame: Frame, key: str, value: str, *, overwrite: bool
) -> EventSetting:
    """Build what a step's inside publishes as an event."""
    refusal = None
    if not overwrite:
        refusal = failures.dump_refusal(EventAlreadySet, execution.workflow_id, key)
    row = _anonymous(execution, frame, refusal)
    return EventSetting(row, False, key, value, overwrite)


def stream_of(
    execution: State, frame: Frame, key: str, values: list[str], *, closes: bool
) -> StreamWriting:
    """Build what a step's inside publishes as entries of a stream."""
    refusal = failures.dump_refusal(StreamClosed, execution.workflow_id, key)
    row = _anonymous(execution, frame, refusal)
    attempt = frame.step.step_attempt if frame.step is not None else None
    return StreamWriting(row, False, key, tuple(values), closes, attempt or 1)


def _anonymous(execution: State, frame: Frame, refusal: str | None) -> Checkpoint:
    assert frame.step is not None
    assert frame.step.step_id is not None
    return records.checkpoint(
        execution,
        Place(frame.branch, frame.step.step_id),
        "",
        Step.Kind.STEP,
        started_at=clock.now(),
        error=refusal,
    )


class Flusher:
    """One thread that flushes outboxes whose values have waited long enough."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Outbox]] = []  # A heap.
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closing = False

    def schedule(self, outbox: Outbox, seconds: float) -> None:
        """Flush an outbox in ``seconds``, from the background."""
        with self._changed:
            self._is_closing = False
            due = clock.monotonic() + seconds, next(self._order), outbox
            heapq.heappush(self._due, due)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._run, name="durable-flusher", daemon=True
                )
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """End the thread at once; the next outbox starts another."""
        with self._changed:
            thread, self._is_closing = self._thread, True
            self._changed.notify()
        if thread is not None:
            thread.join(timeout=LINGER_SECONDS)

    def _run(self) -> None:
        try:
            while (outbox := self._next()) is not None:
                outbox.flush_behind()
        finally:
            connections.close_all()

    def _next(self) -> Outbox | None:
        """Wait for the next outbox that is due; None after a long rest."""
        with self._changed:
            while True:
                if self._is_closing or not (
                    self._due or self._changed.wait(LINGER_SECONDS)
                ):
                    self._thread = None
                    return None
                if not self._due:
                    continue
                due_at, _, outbox = self._due[0]
                if (left := due_at - clock.monotonic()) <= 0:
                    heapq.heappop(self._due)
                    return outbox
                self._changed.wait(left)


flusher = Flusher()
