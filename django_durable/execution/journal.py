"""What earlier executions of a workflow left for this one."""

import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from django_durable import failures, serialization
from django_durable.exceptions import StepFailed
from django_durable.models import history
from django_durable.models.checkpoint import Checkpoint

# So many journals are read together: more of them would wait for a long one.
TOGETHER = 50


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
        """Read everything that is recorded of a workflow."""
        return cls.of(history.read(using, [workflow_id])[workflow_id])

    @classmethod
    def of(cls, past: history.Past) -> "Journal":
        """Build it of what was read."""
        journal = cls(has_waits=bool(past.waits))
        journal.steps = {Place(row.branch, row.step_id): row for row in past.steps}
        for branch, step_id, next_at in past.tries:
            journal.retries.setdefault(Place(branch, step_id), []).append(next_at)
        journal.begun.update(journal.retries)
        for branch, step_id, target, wake_at in past.waits:
            journal.begun.add(Place(branch, step_id))
            if wake_at is not None:
                journal.deadlines[Place(branch, step_id), target] = wake_at
        return journal


class Journals:
    """The journals of workflows that were claimed at once, read a few at a time.

    Whoever needs one reads those of the next ones too; they take theirs from here.
    """

    def __init__(self, using: str, ids: Sequence[str]) -> None:
        self._using = using
        self._lock = threading.Lock()
        self._unread = dict.fromkeys(ids)
        self._read: dict[str, Journal] = {}

    def take(self, workflow_id: str) -> Journal:
        """Return the journal of one of the workflows."""
        with self._lock:
            if workflow_id in self._unread:
                self._read_some(workflow_id)
            journal = self._read.pop(workflow_id, None)
        if journal is None:  # Taken before: this is another try.
            return Journal.load(self._using, workflow_id)
        return journal

    def _read_some(self, first: str) -> None:
        others = (pk for pk in self._unread if pk != first)
        more = TOGETHER - 1 if history.reads_many_at_once(self._using) else 0
        ids = [first, *itertools.islice(others, more)]
        for pk, past in history.read(self._using, ids).items():
            del self._unread[pk]
            self._read[pk] = Journal.of(past)


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
