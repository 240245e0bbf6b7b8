"""A worker's surroundings with everything on the test's own thread."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from asgiref.sync import sync_to_async

from django_durable.models import Step, Workflow
from django_durable.models.checkpoint import Checkpoint, Recorded
from django_durable.models.outcome import Outcome
from django_durable.models.publication import Publication

T = TypeVar("T")


class Crash(BaseException):
    """The process is dead, as ``crash_everywhere()`` plays it.

    A BaseException, so that no ``except Exception`` revives it; caught by
    ``run_until_idle()``, which goes on as the next process.
    """


class OneThreadHost:
    """Waits are cold at once; the database's faults are the test's to see.

    Sync parts of async workflows come back to the thread of the test, since
    only its connection sees the test's transaction.
    """

    can_suspend = True
    has_background = False
    passes_through: tuple[type[BaseException], ...] = (Crash, KeyboardInterrupt)

    def __init__(self, using: str, worker_id: UUID) -> None:
        self.using = using
        self.worker_id: UUID | None = worker_id

    def record(self, checkpoint: Checkpoint) -> Recorded:
        return Step.objects.using(self.using).record([checkpoint])[0]

    async def arecord(self, checkpoint: Checkpoint) -> Recorded:
        return await self.in_thread(lambda: self.record(checkpoint))

    def finish(self, outcome: Outcome) -> Recorded:
        return Workflow.objects.using(self.using).finish([outcome])[0]

    async def afinish(self, outcome: Outcome) -> Recorded:
        return await self.in_thread(lambda: self.finish(outcome))

    def publish(self, row: Publication) -> Recorded:
        return Step.objects.using(self.using).publish([row])[0]

    async def apublish(self, row: Publication) -> Recorded:
        return await self.in_thread(lambda: self.publish(row))

    def query(self, work: Callable[[], T]) -> T:
        return work()

    async def aquery(self, work: Callable[[], T]) -> T:
        return await self.in_thread(work)

    async def in_thread(self, call: Callable[[], T]) -> T:
        return await sync_to_async(call, thread_sensitive=True)()

    def hot_seconds(self, *, is_async: bool) -> float:
        return 0.0

    def check_wait(self, what: str) -> None:
        """Any wait is possible here: it suspends."""

    def note_timer(self, wake_at: datetime | None) -> None:
        """Timers are looked at in every round."""

    @contextmanager
    def tracking(self, execution: Any) -> Iterator[None]:
        yield

    def side_by_side(self, calls: Sequence[Callable[[], Any]]) -> None:
        for call in calls:
            call()
