"""A worker as the surroundings of its executions."""

import asyncio
import contextvars
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

from django.db import DatabaseError, InterfaceError

from django_durable import conf
from django_durable.exceptions import ClaimLost
from django_durable.execution.checkpoints import (
    CheckpointWriter,
    publish_alone,
)
from django_durable.execution.execution import Execution
from django_durable.models import Workflow, faults
from django_durable.models.checkpoint import Checkpoint, Recorded, Verdict
from django_durable.models.connection import give_back, note_refusal
from django_durable.models.outcome import Outcome
from django_durable.models.publication import Publication
from django_durable.worker.slots import HelperThreads

T = TypeVar("T")


class Employer(Protocol):
    """A worker, as far as its executions need it."""

    using: str
    helpers: HelperThreads
    queries: HelperThreads
    steps: CheckpointWriter
    outcomes: CheckpointWriter

    @property
    def worker_id(self) -> UUID | None: ...

    @property
    def is_gone(self) -> bool: ...

    def free_slots(self, *, is_async: bool) -> int: ...

    def note_timer(self, wake_at: datetime | None) -> None: ...

    def tracking(self, execution: Execution) -> AbstractContextManager[None]: ...


class WorkerHost:
    """Writes in groups, suspends instead of blocking, and outlives the database.

    Each registration of the worker has a host of its own, so that an execution
    from before a lost lease never passes for one of the new registration.
    """

    can_suspend = True
    has_background = True
    passes_through: tuple[type[BaseException], ...] = ()

    def __init__(self, worker: Employer) -> None:
        self.using = worker.using
        self.worker_id: UUID | None = worker.worker_id
        self._worker = worker
        self._unwinding = _UnwindingWhenGone(worker)

    def record(self, checkpoint: Checkpoint) -> Recorded:
        with self._unwinding:
            return self._worker.steps.write(checkpoint)

    async def arecord(self, checkpoint: Checkpoint) -> Recorded:
        with self._unwinding:
            return await self._worker.steps.awrite(checkpoint)

    def finish(self, outcome: Outcome) -> Recorded:
        with self._unwinding:
            recorded = self._worker.outcomes.write(outcome)
        if recorded.verdict is Verdict.BUSY:
            return self.query(lambda: self._finish_alone(outcome))
        return recorded

    async def afinish(self, outcome: Outcome) -> Recorded:
        with self._unwinding:
            recorded = await self._worker.outcomes.awrite(outcome)
        if recorded.verdict is Verdict.BUSY:
            return await self.aquery(lambda: self._finish_alone(outcome))
        return recorded

    def publish(self, row: Publication) -> Recorded:
        with self._unwinding:
            recorded = self._worker.outcomes.write(row)
        if recorded.verdict is Verdict.BUSY:
            return self.query(lambda: publish_alone(self.using, row))
        return recorded

    async def apublish(self, row: Publication) -> Recorded:
        with self._unwinding:
            recorded = await self._worker.outcomes.awrite(row)
        if recorded.verdict is Verdict.BUSY:
            return await self.aquery(lambda: publish_alone(self.using, row))
        return recorded

    def query(self, work: Callable[[], T]) -> T:
        """Do database work on this thread's connection until it is done."""
        with self._unwinding:
            return faults.retry_patiently(
                self.using, work, give_up=lambda: self._worker.is_gone
            )

    async def aquery(self, work: Callable[[], T]) -> T:
        # Not on the threads of user code: long steps must not hold these up. And
        # a try at a time: what waits for a row or a server holds no thread.
        loop, threads, tries = asyncio.get_running_loop(), self._worker.queries, 0
        while True:
            try:
                with self._unwinding:
                    return await _whole(loop.run_in_executor(threads.executor, work))
            except (DatabaseError, InterfaceError) as error:
                if not faults.is_transient(error):
                    raise
                note_refusal(error)
                await loop.run_in_executor(
                    threads.executor, faults.drop_broken, self.using
                )
                await asyncio.sleep(faults.pause_seconds(tries))
                tries += 1

    async def in_thread(self, call: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        context = contextvars.copy_context()
        return await loop.run_in_executor(
            self._worker.helpers.executor, context.run, _on_fresh, call
        )

    def hot_seconds(self, *, is_async: bool) -> float:
        if not self._worker.free_slots(is_async=is_async):
            return 0.0
        settings = conf.current()
        return settings.async_hot_wait if is_async else settings.hot_wait

    def check_wait(self, what: str) -> None:
        """Any wait is possible here: it suspends."""

    def note_timer(self, wake_at: datetime | None) -> None:
        self._worker.note_timer(wake_at)

    def side_by_side(self, calls: Sequence[Callable[[], Any]]) -> None:
        self._worker.helpers.side_by_side(calls)

    @contextmanager
    def tracking(self, execution: Execution) -> Iterator[None]:
        with self._worker.tracking(execution):
            yield

    def _finish_alone(self, outcome: Outcome) -> Recorded:
        """Wait for the row in this thread; the writer goes on meanwhile."""
        rows = Workflow.objects.using(self.using)
        with rows.locked(outcome.workflow_id):
            return rows.finish([outcome])[0]


class _UnwindingWhenGone:
    """A worker that has left neither retries nor fails steps: it unwinds."""

    __slots__ = ("_worker",)

    def __init__(self, worker: Employer) -> None:
        self._worker = worker

    def __enter__(self) -> None:
        """There is nothing to prepare."""

    def __exit__(self, kind: object, error: BaseException | None, *_: object) -> None:
        is_fault = isinstance(error, (DatabaseError, InterfaceError))
        if is_fault and self._worker.is_gone:
            raise ClaimLost from error


async def _whole(work: asyncio.Future[T]) -> T:
    """Await database work; a cancellation waits until it is over."""
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        raise


def _on_fresh(call: Callable[[], T]) -> T:
    faults.check_connections()
    try:
        return call()
    finally:
        give_back()
