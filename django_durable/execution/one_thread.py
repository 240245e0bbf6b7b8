"""A host that does everything on its caller's thread, one thing after the other."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from asgiref.sync import sync_to_async

from django_durable.models.checkpoint import Checkpoint, Recorded
from django_durable.models.outcome import Outcome
from django_durable.models.publication import Publication

T = TypeVar("T")


class OneThread:
    """Surroundings without a background, where every wait is cold at once.

    Sync parts of async workflows come back to the caller's thread, whose
    connection may be in a transaction that no other one sees. Implements
    ``hosts.Host``, but for what becomes of the rows.
    """

    can_suspend = True
    has_background = False
    passes_through: tuple[type[BaseException], ...] = ()

    def __init__(self, using: str, worker_id: UUID | None = None) -> None:
        self.using = using
        self.worker_id = worker_id

    def record(self, checkpoint: Checkpoint) -> Recorded:
        raise NotImplementedError

    def finish(self, outcome: Outcome) -> Recorded:
        raise NotImplementedError

    def publish(self, row: Publication) -> Recorded:
        raise NotImplementedError

    async def arecord(self, checkpoint: Checkpoint) -> Recorded:
        return await self.in_thread(lambda: self.record(checkpoint))

    async def afinish(self, outcome: Outcome) -> Recorded:
        return await self.in_thread(lambda: self.finish(outcome))

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
        """Whoever drives this looks at the timers himself."""

    @contextmanager
    def tracking(self, execution: Any) -> Iterator[None]:
        yield

    def side_by_side(self, calls: Sequence[Callable[[], Any]]) -> None:
        for call in calls:
            call()
