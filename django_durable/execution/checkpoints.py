"""Group commit: checkpoints of concurrent executions in one statement (I3).

While a flush is in flight the next rows gather; then they go out together.
When nothing is in flight a sync caller flushes by itself, without a hand-off.
The writer never waits for a row lock: a busy row goes back to its caller.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import TypeAlias

from django.db import connections, transaction

from django_durable.models import Step, Workflow, faults, sql
from django_durable.models.checkpoint import Checkpoint, Recorded
from django_durable.models.connection import give_back, reserve_connection
from django_durable.models.outcome import Outcome
from django_durable.models.publication import Publication

Row: TypeAlias = Checkpoint | Outcome | Publication
Answer: TypeAlias = Recorded | BaseException

LARGEST_BATCH = 200
# After so long a waiting thread can spare its connection.
SPARE_SECONDS = 1.0


class _Pending:
    """A row on its way."""

    __slots__ = ("row",)

    def __init__(self, row: Row) -> None:
        self.row = row


class _Waited(_Pending):
    """A row on its way, and the thread that waits for it."""

    __slots__ = ("_done", "answer")

    def __init__(self, row: Row) -> None:
        super().__init__(row)
        self.answer: Answer | None = None
        self._done = threading.Lock()
        self._done.acquire()

    def deliver(self, answer: Answer) -> None:
        self.answer = answer
        self._done.release()

    def wait(self) -> Recorded:
        while not self._done.acquire(timeout=SPARE_SECONDS):
            give_back()  # The writer itself may have found none.
        return _given(self.answer)


class _Awaited(_Pending):
    """A row on its way, and the task that waits for it."""

    __slots__ = ("future", "loop")

    def __init__(self, row: Row, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(row)
        self.loop = loop
        self.future: asyncio.Future[Answer] = loop.create_future()


class CheckpointWriter:
    """The one writer of a worker process."""

    def __init__(self, using: str, is_closing: Callable[[], bool]) -> None:
        self._using = using
        self._is_closing = is_closing
        self._lock = threading.Lock()
        self._queue: deque[_Pending] = deque()
        self._is_flushing = False
        self._work: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def write(self, row: Row) -> Recorded:
        """Store a row; return its verdict when it is committed."""
        pending = _Waited(row)
        if self._is_first(pending):
            try:
                self._flush([pending])
            finally:
                self._go_on()
        return pending.wait()

    async def awrite(self, row: Row) -> Recorded:
        """See write(); no thread is held while it waits."""
        pending = _Awaited(row, asyncio.get_running_loop())
        with self._lock:
            self._queue.append(pending)
            must_wake, self._is_flushing = not self._is_flushing, True
        if must_wake:
            self._wake()
        return _given(await pending.future)

    def close(self) -> None:
        """Stop the flushing thread once its queue is empty."""
        self._is_closed = True
        self._work.put(None)

    def _is_first(self, pending: _Pending) -> bool:
        """Take the flush when nothing is in flight, else queue the row.

        After ``close()`` nobody else would: stragglers write by themselves.
        """
        with self._lock:
            if self._is_closed or not (self._is_flushing or self._queue):
                self._is_flushing = True
                return True
            self._queue.append(pending)
            return False

    def _go_on(self) -> None:
        """After the caller's own flush: let the thread write what has gathered."""
        with self._lock:
            self._is_flushing = bool(self._queue)
            must_wake = self._is_flushing
        if must_wake:
            self._wake()

    def _wake(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name="durable-writer", daemon=True
            )
            self._thread.start()
        self._work.put(None)

    def _run(self) -> None:
        reserve_connection(self._using)
        try:
            while True:
                self._work.get()
                while batch := self._next_batch():
                    self._flush(batch)
                if self._is_closed:
                    break
        finally:
            connections[self._using].close()

    def _next_batch(self) -> list[_Pending]:
        """Take what has gathered; two rows of one key never share a statement."""
        batch: dict[object, _Pending] = {}
        with self._lock:
            while self._queue and len(batch) < LARGEST_BATCH:
                key = _key(self._queue[0].row)
                if key in batch:
                    break
                batch[key] = self._queue.popleft()
            self._is_flushing = bool(batch)
        return list(batch.values())

    def _flush(self, batch: Sequence[_Pending]) -> None:
        answers = self._answers([pending.row for pending in batch])
        loops: dict[asyncio.AbstractEventLoop, list[tuple[_Awaited, Answer]]] = {}
        for pending, answer in zip(batch, answers, strict=True):
            if isinstance(pending, _Awaited):
                loops.setdefault(pending.loop, []).append((pending, answer))
            elif isinstance(pending, _Waited):
                pending.deliver(answer)
        for loop, delivered in loops.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_deliver_all, delivered)

    def _answers(self, rows: Sequence[Row]) -> Sequence[Answer]:
        """Store rows; again after a fault, one by one when one is refused."""
        try:
            return faults.retry_patiently(
                self._using, lambda: self._store(rows), give_up=self._is_closing
            )
        except BaseException as error:
            if len(rows) == 1 or faults.is_transient(error):
                return [error] * len(rows)
        return [self._answers([row])[0] for row in rows]

    def _store(self, rows: Sequence[Row]) -> list[Recorded]:
        checkpoints = [row for row in rows if isinstance(row, Checkpoint)]
        outcomes = [row for row in rows if isinstance(row, Outcome)]
        published = [row for row in rows if isinstance(row, Publication)]
        answers: dict[object, Recorded] = {}
        if checkpoints:
            recorded = Step.objects.using(self._using).record(checkpoints)
            answers.update(zip(map(_key, checkpoints), recorded, strict=True))
        if outcomes:
            recorded = Workflow.objects.using(self._using).finish(outcomes)
            answers.update(zip(map(_key, outcomes), recorded, strict=True))
        for alike in _by_kind(published):
            recorded = Step.objects.using(self._using).publish(alike)
            answers.update(zip(map(_key, alike), recorded, strict=True))
        return [answers[_key(row)] for row in rows]


def publish_alone(using: str, row: Publication) -> Recorded:
    """Publish on this thread's connection, waiting for the row's lock."""
    with transaction.atomic(using=using):
        sql.limit_lock_wait(connections[using])
        return Step.objects.using(using).publish([row], waits=True)[0]


def _key(row: Row) -> object:
    if isinstance(row, Publication):
        return row.batch_key
    return row.place if isinstance(row, Checkpoint) else row.workflow_id


def _by_kind(rows: Sequence[Publication]) -> Collection[list[Publication]]:
    """Group publications that can share a statement."""
    groups: dict[object, list[Publication]] = {}
    for row in rows:
        groups.setdefault((type(row), row.records), []).append(row)
    return groups.values()


def _given(answer: Answer | None) -> Recorded:
    if isinstance(answer, BaseException):
        raise answer
    assert answer is not None
    return answer


def _deliver_all(delivered: Sequence[tuple[_Awaited, Answer]]) -> None:
    for pending, answer in delivered:
        if not pending.future.done():
            pending.future.set_result(answer)
