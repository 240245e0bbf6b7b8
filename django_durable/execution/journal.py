"""What earlier executions of a workflow left for this one."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django_durable import failures, serialization
from django_durable.exceptions import StepFailed
from django_durable.models import Attempt, Step, Wait
from django_durable.models.checkpoint import Checkpoint


class Place(NamedTuple):
    """Where a step stands in a workflow."""

    branch: str
    step_id: int

    @property
    def label(self) -> str:
        """The place as part of ids: ``3``, or ``1.2:3`` on a branch."""
        return f"{self.branch}:{self.step_id}" if self.branch else str(self.step_id)


@dataclass(slots=True)
class Journal:
    """Recorded steps, failed tries, and the first deadlines of waits."""

    steps: dict[Place, Checkpoint] = field(default_factory=dict)
    retries: dict[Place, list[datetime]] = field(default_factory=dict)
    deadlines: dict[tuple[Place, str], datetime] = field(default_factory=dict)
    has_waits: bool = False
    # Begun by an earlier execution: a try has failed there, or it waited there.
    begun: set[Place] = field(default_factory=set)

    def has_reached(self, place: Place) -> bool:
        """Tell whether an earlier execution has come as far as a place."""
        return place in self.steps or place in self.begun

    @classmethod
    def load(cls, using: str, workflow_id: str) -> "Journal":
        """Read everything that is recorded of a workflow: three statements."""
        journal = cls()
        recorded = Step.objects.using(using).journal(workflow_id)
        journal.steps = {Place(*key): row for key, row in recorded.items()}
        attempts = Attempt.objects.using(using).journal(workflow_id)
        for branch, step_id, next_at in attempts:
            journal.retries.setdefault(Place(branch, step_id), []).append(next_at)
        waits = Wait.objects.using(using).journal(workflow_id)
        journal.has_waits = bool(waits)
        journal.begun.update(journal.retries)
        for branch, step_id, target, wake_at in waits:
            journal.begun.add(Place(branch, step_id))
            if wake_at is not None:
                journal.deadlines[Place(branch, step_id), target] = wake_at
        return journal


def dump_result(value: Any, where: str) -> tuple[str | None, Any]:
    """Return the stored text of a value and the value that replay will see."""
    if value is None:
        return None, None
    text = serialization.dumps(value, where)
    if serialization.is_immutable_scalar(value):
        return text, value
    return text, serialization.loads(text)


def load_result(text: str | None) -> Any:
    """Return the value of a stored text; none stands for None."""
    return None if text is None else serialization.loads(text)


def load_error(text: str, step_name: str) -> BaseException:
    """Return the exception that a step recorded, or StepFailed in its place."""

    def fallback(kind: str, message: str, traceback: str = "") -> StepFailed:
        return StepFailed(step_name, kind, message, traceback)

    error = failures.load_exception(text, fallback=fallback)
    if isinstance(error, StopIteration):
        return fallback(*failures.describe(text))  # No generator can raise it.
    return error
