"""How long the work of a lost worker has waited for another."""

import time
from pathlib import Path

from django_durable.models import Worker, Workflow
from tests.chaos.fleet import ForkedWorker
from tests.journeys import ledger


def note(workflow_id, **facts):
    """Write down, in a worker, that it has taken over a workflow just now."""
    ledger.append("takeovers", [workflow_id, time.time()])


class Takeovers:
    """What dead workers held, and when it was given back to the queue."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "takeovers"
        self._lost: list[tuple[str, float]] = []

    def note_death(self, worker: ForkedWorker) -> None:
        """Keep what a worker held that has just died."""
        rows = Worker.objects.filter(pid=worker.pid)
        held = Workflow.objects.filter(status="PENDING", worker__in=rows.values("pk"))
        ids = held.values_list("pk", flat=True)
        self._lost += [(pk, worker.ended_at) for pk in ids]

    def latencies(self) -> list[float]:
        """Return the seconds from each death to the takeover of each workflow."""
        moments: dict[str, list[float]] = {}
        for workflow_id, moment in ledger.lines(self._path):
            moments.setdefault(workflow_id, []).append(moment)
        found = []
        for workflow_id, died_at in self._lost:
            later = [m for m in moments.get(workflow_id, ()) if m > died_at]
            if later:
                found.append(min(later) - died_at)
        return found
