"""What one execution knows and decides; the algorithms ask it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connections
from django.db.transaction import TransactionManagementError

from django_durable import clock
from django_durable.definitions.context import Frame
from django_durable.definitions.registry import Definition
from django_durable.exceptions import (
    ClaimLost,
    HandOver,
    Interrupted,
    NonDeterministicWorkflow,
    Pause,
    SerializationError,
    Unwind,
)
from django_durable.execution.drivers import Algorithm
from django_durable.execution.hosts import Host
from django_durable.execution.journal import (
    Journal,
    Journals,
    Place,
    load_error,
    load_result,
)
from django_durable.execution.leaving import Leaving
from django_durable.execution.requests import Query
from django_durable.models import Workflow, sql
from django_durable.models.checkpoint import Checkpoint, Recorded, Verdict
from django_durable.models.claims import Claimed
from django_durable.models.outcome import Outcome
from django_durable.models.status import Standing, Status

# A step that starts later than this after the last good news of the row reads
# it again first, so that a cancelled workflow starts no new step.
TRUST_SECONDS = 0.1


class Flight:
    """The durable calls in flight: each is a block, two for each step."""

    __slots__ = ("_lock", "_stir", "count")

    def __init__(self, stir: Callable[[], None]) -> None:
        self.count = 0
        self._stir = stir
        self._lock = threading.Lock()

    def add(self, number: int) -> None:
        """Count calls that begin, or end."""
        with self._lock:
            self.count += number

    def __enter__(self) -> None:
        self.add(1)
        self._stir()

    def __exit__(self, *exc_info: object) -> None:
        self.add(-1)
        self._stir()


class State:
    """Where one claim of a workflow stands.

    Once ``ending`` is set, every durable call unwinds and records nothing (I5).
    """

    def __init__(
        self,
        claimed: Claimed,
        definition: Definition,
        host: Host,
    ) -> None:
        self.claimed = claimed
        self.workflow_id = claimed.id
        self.claim = claimed.claim
        self.deadline: datetime | None = claimed.deadline
        self.definition = definition
        self.is_async = definition.is_async
        self.host = host
        self.journal = Journal()
        # What patch() has answered, by branch and name.
        self.patches: dict[tuple[str, str], bool] = {}
        self.journals: Journals | None = None  # Of what was claimed along with it.
        self.ending: Unwind | None = None
        self.leaving = self.make_leaving()
        self.is_handing_over = False
        self.outcome: Outcome | None = None  # Once it is recorded.
        # What the next execution has to know of the span of this one.
        self.traceparent: str | None = None
        self.span: Any = None
        self._lock = threading.Lock()
        self.atomic_depth = 0
        self._flight = Flight(self.leaving.stir)
        self._trusted_until = clock.monotonic() + TRUST_SECONDS

    @property
    def facts(self) -> dict[str, Any]:
        """What log records and spans say of this execution."""
        return {
            "workflow_id": self.workflow_id,
            "workflow_name": self.definition.name,
            "queue": self.claimed.queue_name,
            "worker_id": str(self.host.worker_id or ""),
        }

    def load_journal(self) -> Journal:
        """Read what earlier executions have recorded."""
        if self.journals is None:
            return Journal.load(self.host.using, self.workflow_id)
        return self.journals.take(self.workflow_id)

    def make_leaving(self) -> Leaving:
        """Return what decides when this execution leaves memory."""
        return Leaving(self)

    def enter(self, frame: Frame) -> Place:
        """Take the next place of a branch, unless the execution is ending."""
        self.assure_staying()
        return Place(frame.branch, frame.next_step())

    def assure_staying(self) -> None:
        """Unwind when the execution is to leave."""
        if self.is_handing_over and self.ending is None:
            self.end(HandOver())
        if self.ending is not None:
            raise self.ending

    def assure_wanted(self) -> None:
        """Unwind the inside of a step whose outcome nobody will take.

        One whose execution hands over goes on to its end.
        """
        if self.ending is not None and not isinstance(self.ending, HandOver):
            raise self.ending

    def recall(self, place: Place, name: str, kind: str) -> Checkpoint | None:
        """Return what was recorded at a place; pause when it was another step."""
        recorded = self.journal.steps.get(place)
        if recorded is None:
            return None
        if (recorded.name, recorded.kind) != (name, kind):
            known = recorded.name
            if recorded.name == name:
                known, name = f"{name} ({recorded.kind})", f"{name} ({kind})"
            raise self.end(
                Pause(
                    NonDeterministicWorkflow(
                        self.workflow_id, place.branch, place.step_id, known, name
                    )
                )
            )
        return recorded

    def replay(self, recorded: Checkpoint) -> Any:
        """Return or raise a recorded outcome; pause when it cannot be read."""
        try:
            if recorded.error is None:
                return load_result(recorded.output)
            error = load_error(recorded.error, recorded.name)
        except SerializationError as problem:
            raise self.end(Pause(problem)) from None
        raise error

    def assure_active(self, *, anyhow: bool = False) -> Algorithm:
        """Read the row again when the last news of it is old.

        Where the deadline has passed, the workflow is cancelled here, unless
        another process was faster: a direct call may have nobody else.
        """
        if self.is_overdue:
            rows, anyhow = Workflow.objects.using(self.host.using), True
            yield Query(lambda: rows.cancel_if_overdue(self.workflow_id))
            self.deadline = None  # If it goes on, the row has lost its deadline.
        if anyhow or clock.monotonic() > self._trusted_until:
            rows = Workflow.objects.using(self.host.using)
            self.learn((yield Query(lambda: rows.standing(self.workflow_id))))
            if self.ending is not None:
                raise self.ending

    @property
    def is_overdue(self) -> bool:
        """Tell whether the workflow's deadline has passed."""
        return self.deadline is not None and clock.now() >= self.deadline

    def learn(self, standing: Standing | None) -> None:
        """Take news of the row; end when it is no longer this execution's."""
        if standing is None or standing.claim != self.claim:
            self.end(ClaimLost())
        elif standing.status != Status.PENDING:
            self.end(Interrupted())
        else:
            self._trusted_until = clock.monotonic() + TRUST_SECONDS

    def settle(self, recorded: Recorded) -> Checkpoint | None:
        """Judge a write: None when it took, the other's row when it was first.

        Raises when the workflow is not this execution's any more.
        """
        if recorded.verdict is Verdict.RECORDED:
            if recorded.standing is not None:
                self.learn(recorded.standing)
            return None
        if recorded.verdict is Verdict.CONFLICT:
            return recorded.checkpoint
        raise self.end(
            ClaimLost() if recorded.verdict is Verdict.FENCED else Interrupted()
        )

    def end(self, ending: Unwind) -> Unwind:
        """Decide how this execution leaves; the first decision stands."""
        with self._lock:
            if self.ending is None:
                self.ending = ending
        self.leaving.consider()
        return self.ending

    def hand_over(self) -> None:
        """Leave at the next durable call; the worker stops."""
        self.is_handing_over = True
        self.leaving.consider()

    def abandon(self) -> None:
        """Leave without another write: the worker lost its lease."""
        self.end(ClaimLost())

    def refuse_left_open(self) -> None:
        """Roll back a transaction that the workflow's body has opened by hand."""
        if not self.host.can_suspend:
            return  # In direct mode it may be the caller's.
        if sql.close_left_open(connections[self.host.using]):
            raise TransactionManagementError(
                f"Workflow {self.workflow_id!r} left a transaction open in its body;"
                " it was rolled back. Move its work into a @transaction step."
            )

    def busy(self) -> "Flight":
        """Keep the execution from leaving while a durable call is in flight."""
        return self._flight

    @contextmanager
    def idle(self) -> Iterator[None]:
        """Let the execution leave while a call of it only waits."""
        self._flight.add(-1)
        self.leaving.stir()
        try:
            yield
        finally:
            self._flight.add(1)

    @property
    def is_busy(self) -> bool:
        """Tell whether a durable call is in flight that does not only wait."""
        return self._flight.count > 0

    def spawn(self, claimed: Claimed, definition: Definition) -> "State":
        """Return the execution of a child that runs where this one does."""
        return type(self)(claimed, definition, self.host)

    def frame(self) -> Frame:
        """Return the frame of the workflow's own body."""
        raise NotImplementedError  # By the Execution, which can be called.

    def child_id(self, place: Place) -> str:
        """Return the id of a child that starts at a place."""
        return f"{self.workflow_id}/{place.label}"
