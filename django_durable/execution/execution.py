"""One execution: a claimed workflow and the code that runs it."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connections
from django.db.transaction import TransactionManagementError

from django_durable import clock
from django_durable.definitions.calls import BoundCall
from django_durable.definitions.context import Frame, body_frame, has_running_loop
from django_durable.definitions.options import StartOptions
from django_durable.definitions.step import StepDefinition
from django_durable.definitions.workflow import WorkflowDefinition
from django_durable.exceptions import (
    ClaimLost,
    HandOver,
    Interrupted,
    NonDeterministicWorkflow,
    Pause,
    SerializationError,
    Unwind,
)
from django_durable.execution import children, steps, waiting
from django_durable.execution.drivers import Algorithm, adrive, drive
from django_durable.execution.hosts import Host
from django_durable.execution.journal import Journal, Place, load_error, load_result
from django_durable.execution.leaving import Leaving
from django_durable.execution.requests import Query
from django_durable.models import Workflow
from django_durable.models.checkpoint import Checkpoint, Recorded, Verdict
from django_durable.models.claims import Claimed
from django_durable.models.status import Standing, Status

# A step that starts later than this after the last good news of the row reads
# it again first, so that a cancelled workflow starts no new step.
TRUST_SECONDS = 0.1


class Execution:
    """What one claim of a workflow does; everything inside it asks this object.

    Once ``ending`` is set, every durable call unwinds and records nothing (I5).
    """

    def __init__(
        self,
        claimed: Claimed,
        definition: WorkflowDefinition[..., Any, Any],
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
        self.ending: Unwind | None = None
        self.leaving = Leaving(self)
        self.is_handing_over = False
        self._lock = threading.Lock()
        self.atomic_depth = 0
        self._in_flight = 0
        self._trusted_until = clock.monotonic() + TRUST_SECONDS

    # What the code of the workflow calls (definitions.engine.Running).

    def call_step(
        self, definition: StepDefinition[..., Any, Any], args: Any, kwargs: Any
    ) -> Any:
        return self._drive(
            lambda frame: steps.call(self, frame, definition, args, kwargs)
        )

    def call_child(
        self,
        definition: WorkflowDefinition[..., Any, Any],
        options: StartOptions,
        args: Any,
        kwargs: Any,
    ) -> Any:
        return self._drive(
            lambda frame: children.call(self, frame, definition, options, args, kwargs)
        )

    def start_child(
        self,
        name: str,
        definition: WorkflowDefinition[..., Any, Any] | None,
        options: StartOptions,
        args: Any,
        kwargs: Any,
    ) -> Any:
        return self._drive(
            lambda frame: children.start(
                self, frame, name, definition, options, args, kwargs
            )
        )

    def sleep_until(self, moment: Callable[[], datetime]) -> Any:
        return self._drive(lambda frame: steps.sleep(self, frame, moment))

    def record_value(self, name: str, make: Callable[[], Any]) -> Any:
        return self._drive(lambda frame: steps.value(self, frame, name, make))

    def result_of(self, workflow_id: str, timeout: float | None) -> Any:
        return self._drive(
            lambda frame: children.result(self, frame, workflow_id, timeout)
        )

    def gather(self, calls: Sequence[BoundCall[Any]]) -> Any:
        frame = body_frame()
        assert frame is not None
        return waiting.gather(self, frame, calls)

    def _drive(self, algorithm: Callable[[Frame], Algorithm]) -> Any:
        """Run an algorithm on the caller's branch, in the caller's manner."""
        if self.is_async and has_running_loop():
            return self._adrive(algorithm)
        self._refuse_open_transaction()
        frame = body_frame()
        assert frame is not None
        try:
            with self.busy():
                return drive(algorithm(frame), self.host)
        except Unwind as unwind:
            self.leaving.hold(frame, unwind)
            raise

    def _refuse_open_transaction(self) -> None:
        """Refuse a durable call inside an ``atomic()`` of the workflow's body.

        Rolling that back would take recorded steps out of the journal.
        """
        if len(connections[self.host.using].atomic_blocks) > self.atomic_depth:
            raise TransactionManagementError(
                f"Workflow {self.workflow_id!r} makes a durable call inside an atomic()"
                " block of its own. Move the block's work into a @transaction step."
            )

    async def _adrive(self, algorithm: Callable[[Frame], Algorithm]) -> Any:
        # The frame is the awaiting task's: a coroutine may be made in one
        # branch and awaited in another.
        frame = body_frame()
        assert frame is not None
        try:
            with self.busy():
                return await adrive(algorithm(frame), self.host)
        except Unwind as unwind:
            await self.leaving.park(unwind)
            raise

    # What the algorithms ask.

    def enter(self, frame: Frame) -> Place:
        """Take the next place of a branch, unless the execution is ending."""
        if self.is_handing_over and self.ending is None:
            self.end(HandOver())
        if self.ending is not None:
            raise self.ending
        return Place(frame.branch, frame.next_step())

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
        """Read the row again when the last news of it is old."""
        if anyhow or clock.monotonic() > self._trusted_until:
            rows = Workflow.objects.using(self.host.using)
            self.learn((yield Query(lambda: rows.standing(self.workflow_id))))
            if self.ending is not None:
                raise self.ending

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

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Keep the execution from leaving while a durable call is in flight."""
        with self._lock:
            self._in_flight += 1
        self.leaving.stir()
        try:
            yield
        finally:
            with self._lock:
                self._in_flight -= 1
            self.leaving.stir()

    @contextmanager
    def idle(self) -> Iterator[None]:
        """Let the execution leave while a call of it only waits."""
        with self._lock:
            self._in_flight -= 1
        self.leaving.stir()
        try:
            yield
        finally:
            with self._lock:
                self._in_flight += 1

    @property
    def must_stop(self) -> bool:
        """Tell whether nothing more may be begun."""
        return self.ending is not None or self.is_handing_over

    @property
    def is_busy(self) -> bool:
        """Tell whether a durable call is in flight that does not only wait."""
        return self._in_flight > 0

    def spawn(
        self, claimed: Claimed, definition: WorkflowDefinition[..., Any, Any]
    ) -> "Execution":
        """Return the execution of a child that runs where this one does."""
        return Execution(claimed, definition, self.host)

    def child_id(self, place: Place) -> str:
        """Return the id of a child that starts at a place."""
        return f"{self.workflow_id}/{place.label}"
