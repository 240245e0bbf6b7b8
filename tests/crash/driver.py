"""A worker in one thread, on one connection: what it does next is always the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from asgiref.sync import async_to_sync

from django_durable.definitions import registry
from django_durable.execution import running
from django_durable.execution.checkpoints import CheckpointWriter, publish_alone
from django_durable.execution.execution import Execution
from django_durable.execution.one_thread import OneThread
from django_durable.models import Wait, Worker, Workflow
from django_durable.models.checkpoint import Checkpoint, Recorded, Verdict
from django_durable.models.claims import Claimed
from django_durable.models.outcome import Outcome
from django_durable.models.publication import Publication
from tests.crash.crasher import USING
from tests.crash.ledger import ledger

MOST_ROUNDS = 200


class MovableClock:
    """Stands still until somebody moves it."""

    def __init__(self) -> None:
        self._moment = datetime(2030, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        """Return the moment."""
        return self._moment

    @property
    def hour(self) -> str:
        """Say roughly how late it is."""
        return f"{self._moment:%d %H:%M}"

    def move_to(self, moment: datetime) -> None:
        """Go on to a later moment."""
        self._moment = max(self._moment, moment)


class OneThreadHost(OneThread):
    """Writes as workers do; faults of the database are not retried."""

    def __init__(self, driver: Driver) -> None:
        super().__init__(USING, driver.worker_id)
        self._driver = driver
        # A row that comes alone is written by the caller's own thread.
        self._writer = CheckpointWriter(USING, lambda: True)

    def record(self, checkpoint: Checkpoint) -> Recorded:
        return self._writer.write(checkpoint)

    def finish(self, outcome: Outcome) -> Recorded:
        return self._writer.write(outcome)

    def publish(self, row: Publication) -> Recorded:
        recorded = self._writer.write(row)
        if recorded.verdict is Verdict.BUSY:
            return publish_alone(USING, row)
        return recorded

    @contextmanager
    def tracking(self, execution: Execution) -> Iterator[None]:
        self._driver.executions.append(execution)
        try:
            yield
        finally:
            self._driver.executions.remove(execution)


class Driver:
    """One worker process: registers, tidies up, claims, executes.

    It has the definitions whose names begin with ``code``. ``woken_late`` counts
    the wake-ups that only the sweep has made: none, as long as nothing dies.
    """

    def __init__(self, clock: MovableClock, code: str | tuple[str, ...]) -> None:
        self.clock = clock
        self.executions: list[Execution] = []
        ledger.executions = self.executions
        self.woken_late = 0
        self._is_late = False
        self._pairs = [
            (each.name, each.version)
            for each in registry.all_definitions()
            if each.name.startswith(code)  # A long list makes a slow claim.
        ]
        row = Worker.objects.register(Worker.Kind.WORKER, definitions=self._pairs)
        self.worker_id = row.pk

    def recover(self) -> None:
        """Take over from the dead, then work until nothing is left to do."""
        Worker.objects.declare_dead()
        Workflow.objects.requeue_abandoned()
        self.woken_late += self._sweep()
        self._is_late = True
        self.settle()

    def settle(self) -> None:
        """Work until nothing is left to do, whatever time that takes."""
        for _ in range(MOST_ROUNDS):
            self.work()
            due = Workflow.objects.next_due()
            if due is None:
                self.woken_late += self._sweep()
                return
            self.clock.move_to(due)
            Workflow.objects.wake_due()
        raise AssertionError("The workflows do not come to an end.")

    def work(self) -> None:
        """Work until nothing is ready now."""
        for _ in range(MOST_ROUNDS):
            claimed = self.claim()
            if not claimed and self._is_late:
                claimed = self._claim_suspect()
            if not claimed:
                return
            for row in claimed:
                self.run(row)
        raise AssertionError("There is always something ready.")

    def claim(self) -> list[Claimed]:
        """Take some of what is ready."""
        return Workflow.objects.claim(self.worker_id, self._pairs, limit=2)

    def run(self, claimed: Claimed) -> Execution:
        """Execute until the row is no longer held."""
        definition = registry.find(claimed.name)
        assert definition is not None
        execution = Execution(claimed, definition, OneThreadHost(self))
        if execution.is_async:
            async_to_sync(running.arun)(execution)
        else:
            running.run(execution)
        return execution

    def _claim_suspect(self) -> list[Claimed]:
        """Take, alone, what has killed two processes."""
        rows = Workflow.objects.all()
        suspect = rows.first_suspect(self._pairs, None)
        if suspect is None:
            return []
        return rows.claim_suspect(self.worker_id, suspect, self._pairs)

    def _sweep(self) -> int:
        return Wait.objects.wake_met() + Workflow.objects.wake_forgotten()
