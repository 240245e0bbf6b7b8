"""I12: the limits of a queue, looked at twenty times a second."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import timedelta

from django.db import DatabaseError, InterfaceError, connection

import django_durable as durable
from django_durable.models import Workflow
from tests.chaos.beside import beside
from tests.chaos.dose import Dose
from tests.chaos.resources import Excess

PROMISES = {"I12": "the limits of a queue are never exceeded"}
LOOK_SECONDS = 0.05


class QueueLimits:
    """Limits that one queue has during an experiment, and who exceeds them.

    For workflows that nobody calls directly: these wait for no limit.
    """

    promises = {*PROMISES}

    def __init__(
        self, dose: Dose, name: str, *, concurrency: int, rate: int, period: float
    ) -> None:
        self._dose = dose
        self._name = name
        self._concurrency = concurrency
        self._rate = rate
        self._period = timedelta(seconds=period)
        self._most = 0

    def watching(self) -> AbstractContextManager[None]:
        """State the limits, and look until the block ends."""
        durable.limit_queue(
            self._name,
            concurrency=self._concurrency,
            rate=self._rate,
            period=self._period,
        )
        return beside(self._look_despite_faults)

    def note_running(self) -> None:
        """Count what is executed at this moment."""
        running = Workflow.objects.filter(status="PENDING", queue_name=self._name)
        self._most = max(self._most, running.count())
        self._dose.count("looks at limits")

    def look(self) -> Iterator[Excess]:
        """Yield what was too much until now."""
        if self._most > self._concurrency:
            yield Excess("I12", self._name, f"had {self._most} running at once")
        rows = Workflow.objects.filter(queue_name=self._name, started_at__isnull=False)
        starts = sorted(rows.values_list("started_at", flat=True))
        for first, last in zip(starts, starts[self._rate :], strict=False):
            if last - first < self._period:
                yield Excess("I12", self._name, f"started too many from {first}")

    def _look_despite_faults(self) -> float:
        try:
            self.note_running()
        except (DatabaseError, InterfaceError):
            self._dose.count("looks in vain")
            connection.close()
        return LOOK_SECONDS
