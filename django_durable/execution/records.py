"""The rows that an execution writes."""

from datetime import datetime

from django_durable import clock
from django_durable.execution.journal import Place
from django_durable.execution.state import State
from django_durable.models.checkpoint import Checkpoint


def checkpoint(
    execution: State,
    place: Place,
    name: str,
    kind: str,
    *,
    started_at: datetime,
    output: str | None = None,
    error: str | None = None,
    child_id: str | None = None,
) -> Checkpoint:
    """Build the row for an outcome."""
    return Checkpoint(
        workflow_id=execution.workflow_id,
        branch=place.branch,
        step_id=place.step_id,
        claim=execution.claim,
        name=name,
        kind=str(kind),
        output=output,
        error=error,
        child_id=child_id,
        worker_id=execution.host.worker_id,
        started_at=started_at,
        completed_at=clock.now(),
    )


def completed(row: Checkpoint, output: str | None) -> Checkpoint:
    """Return a row with its output, completed now."""
    return row._replace(output=output, completed_at=clock.now())


def failed(row: Checkpoint, error: str) -> Checkpoint:
    """Return a row with an error as its outcome, completed now."""
    return row._replace(error=error, completed_at=clock.now())
