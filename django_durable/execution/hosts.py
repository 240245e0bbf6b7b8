"""Where an execution runs: what it may ask of its surroundings."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

from django_durable.models.checkpoint import Checkpoint, Recorded
from django_durable.models.outcome import Outcome
from django_durable.models.publication import Publication

T = TypeVar("T")


class Host(Protocol):
    """A worker, or the caller's own thread (direct mode).

    ``passes_through`` are exceptions that are no outcome of a step here.
    ``has_background``: other threads may write for it, at their own time.
    ``query`` does the engine's own database work on this thread's connection;
    ``in_thread`` runs a sync function from async code.
    """

    using: str
    worker_id: UUID | None
    can_suspend: bool
    has_background: bool
    passes_through: tuple[type[BaseException], ...]

    def record(self, checkpoint: Checkpoint) -> Recorded: ...

    async def arecord(self, checkpoint: Checkpoint) -> Recorded: ...

    def finish(self, outcome: Outcome) -> Recorded: ...

    async def afinish(self, outcome: Outcome) -> Recorded: ...

    def publish(self, row: Publication) -> Recorded: ...

    async def apublish(self, row: Publication) -> Recorded: ...

    def query(self, work: Callable[[], T]) -> T: ...

    async def aquery(self, work: Callable[[], T]) -> T: ...

    async def in_thread(self, call: Callable[[], T]) -> T: ...

    def hot_seconds(self, *, is_async: bool) -> float: ...

    def check_wait(self, what: str) -> None: ...

    def note_timer(self, wake_at: datetime | None) -> None: ...

    def tracking(self, execution: Any) -> AbstractContextManager[None]: ...

    def side_by_side(self, calls: Sequence[Callable[[], Any]]) -> None: ...
