"""What is known outside of the database: calls of steps, and what bodies saw."""

import threading
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import django_durable as durable
from django_durable import clock

# Where a path begins that code takes while its execution leaves.
UNWINDING = "unwinding"

_here = threading.local()


class Somebody(Protocol):
    """A process in which effects happen."""

    def point(self, label: str, run: Any) -> Any: ...


class Book:
    """``calls`` of each step by its key; ``seen`` is what the code of each
    workflow worked with at each place, in all of its executions; ``holders`` are
    the workers by workflow and claim; ``tried_at`` and ``naps`` are the first times
    of tries and sleeps.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget an experiment."""
        self.calls: Counter[str] = Counter()
        self.seen: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self.holders: dict[tuple[str, int], UUID | None] = {}
        self.tried_at: dict[tuple[str, int], datetime] = {}
        self.naps: dict[tuple[str, str], datetime] = {}
        self._problems: list[str] = []

    def told(self) -> list[str]:
        """Return what was seen to be wrong, once."""
        problems, self._problems = self._problems, []
        return problems

    def enter(self, process: Somebody) -> None:
        """Let effects of this thread happen in a process that can die."""
        _here.process = process

    def effect(self) -> None:
        """Have an effect outside, from inside a step."""
        current = durable.current()
        key, attempt = current.idempotency_key, current.step_attempt
        _here.process.point(f"effect {key}", lambda: self.calls.update([key]))
        self.tried_at.setdefault((key, attempt), clock.now())
        if before := self.tried_at.get((key, attempt - 1)):
            self._check(f"{key} tried again", before, minutes=2 ** (attempt - 2))

    def begin_nap(self, path: str) -> None:
        """Note that a body begins to sleep, or that it slept there."""
        self.naps.setdefault((durable.workflow_id() or "", path), clock.now())

    def end_nap(self, path: str, minutes: int) -> None:
        """Note that it goes on; the first execution that slept there counts."""
        place = durable.workflow_id() or "", path
        self._check(f"{place} slept", self.naps[place], minutes)

    def _check(self, what: str, since: datetime, minutes: int) -> None:
        if clock.now() < since + timedelta(minutes=minutes):
            self._problems.append(f"{what} before {minutes} minutes were over")

    def hold(self, workflow_id: str, claim: int, worker_id: UUID | None) -> None:
        """Note who executes under a claim; nobody else ever may."""
        if (workflow_id, claim) in self.holders:
            self._problems.append(f"claim {claim} of {workflow_id} is held twice")
        self.holders[workflow_id, claim] = worker_id

    def see(self, path: str, value: Any) -> None:
        """Note what a body has at a place of its program."""
        if not path.startswith(UNWINDING):
            self.seen[durable.workflow_id() or "", path].add(repr(value))


book = Book()
