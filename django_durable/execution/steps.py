"""What a durable call does: replay, or execute and record."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import connections

from django_durable import clock, failures
from django_durable.definitions.context import Context, Frame
from django_durable.definitions.step import StepDefinition
from django_durable.exceptions import Pause, SerializationError, Unwind
from django_durable.execution import atomic, news, records, waiting
from django_durable.execution.drivers import Algorithm
from django_durable.execution.journal import Place, dump_result, load_error
from django_durable.execution.requests import InThread, Invoke, Query, Record, Rest
from django_durable.execution.state import State
from django_durable.models import Attempt, Step, faults
from django_durable.models.checkpoint import Checkpoint
from django_durable.models.targets import TIMER

Kind = Step.Kind
# How often a step is executed again because the database went away under it.
MOST_LOSSES = 10
# Not outcomes of a step: somebody else is ending it.
NOT_OUTCOMES = (Unwind, GeneratorExit, asyncio.CancelledError)


def call(
    execution: State,
    frame: Frame,
    definition: StepDefinition[..., Any, Any],
    args: Any,
    kwargs: Any,
) -> Algorithm:
    """Call a step: give its recorded outcome, or try it until it has one."""
    place = execution.enter(frame)
    kind = Kind.TRANSACTION if definition.atomic else Kind.STEP
    if recorded := execution.recall(place, definition.name, kind):
        return execution.replay(recorded)
    retries = execution.journal.retries.pop(place, [])
    if retries:
        yield from waiting.until(execution, frame, place, retries[-1])
    attempt, losses = len(retries) + 1, 0
    while True:
        # A retry reads the row however fresh the news is: a zombie whose
        # failed try was stored late would make one call too many.
        yield from execution.assure_active(anyhow=attempt > 1)
        tried = _Try(execution, frame, place, definition, kind, attempt, losses)
        retry_at = yield from tried.make(args, kwargs)
        if tried.is_lost:
            # In memory, where the losses are counted, however cold waits are.
            yield Rest(faults.pause_seconds(losses))
            execution.assure_staying()
            losses += 1
        elif retry_at is None:
            return tried.outcome()
        else:
            yield from waiting.until(execution, frame, place, retry_at)
            attempt += 1


class _Try:
    """One attempt of a step."""

    def __init__(
        self,
        execution: State,
        frame: Frame,
        place: Place,
        definition: StepDefinition[..., Any, Any],
        kind: Kind,
        attempt: int,
        losses: int,
    ) -> None:
        self.execution = execution
        self.is_lost = False
        self._losses = losses
        self.definition = definition
        self.place = place
        self.kind = kind
        self.attempt = attempt
        self.started_at = clock.now()
        inside = Context(
            execution.workflow_id,
            place.step_id,
            attempt,
            execution.child_id(place),
            execution.deadline,
        )
        self.frame = Frame(frame.execution, frame.branch, inside, definition.name)
        self.frame.is_atomic = definition.atomic
        self._value: Any = None
        self._error: BaseException | None = None
        self._adopted: Checkpoint | None = None

    def make(self, args: Any, kwargs: Any) -> Algorithm:
        """Execute and record; return when to try again, None when recorded or lost."""
        with self.execution.busy():
            try:
                yield from self._execute(args, kwargs)
            except BaseException as error:
                if self._passes_through(error):
                    raise
                failed = error
            else:
                return None
            return (yield from self._fail(failed))

    def outcome(self) -> Any:
        """Return or raise what was recorded."""
        if self._adopted is not None:
            return self.execution.replay(self._adopted)
        if self._error is not None:
            raise self._error
        return self._value

    def _execute(self, args: Any, kwargs: Any) -> Algorithm:
        invoke = Invoke(self.definition, self.frame, args, kwargs)
        if self.definition.atomic:
            unit = atomic.Unit(self.execution, invoke, self._checkpoint(None, None))
            self._value, self._adopted = yield InThread(unit.run)
            if news.is_heard():
                committed = records.completed(unit.checkpoint, None)
                yield from news.tell_step(self.execution, self._adopted or committed)
            return
        result = yield invoke
        yield from self._publish()
        text, self._value = dump_result(result, f"{self.definition.name}() result")
        yield from self._record(self._checkpoint(text, None))

    def _fail(self, error: BaseException) -> Algorithm:
        if isinstance(error, Exception) and self._is_loss(error):
            if self._losses >= MOST_LOSSES and self.definition.atomic:
                raise self.execution.end(Pause(error))
            self.is_lost = True
            faults.check_connections()
            return None
        error = yield from self._publish_what_was_written(error)
        retries = self.definition.retries
        is_final = isinstance(error, SerializationError) or not retries.allows(
            error, self.attempt
        )
        if not is_final:
            return (yield from self._count(error))
        if retries.max_attempts > 1:
            error.add_note(
                f"Step {self.definition.name!r} of workflow"
                f" {self.execution.workflow_id!r} failed in attempt {self.attempt}"
                f" of {retries.max_attempts}."
            )
        text = failures.dump_exception(error)
        loaded = load_error(text, self.definition.name)
        self._error = loaded.with_traceback(error.__traceback__)
        yield from self._record(self._checkpoint(None, text))
        return None

    def _publish(self) -> Algorithm:
        """Write what the step has published and nobody has written yet."""
        outbox = self.frame.outbox
        if outbox is not None and not self.definition.atomic and not outbox.is_empty:
            yield Query(outbox.flush)

    def _publish_what_was_written(self, error: BaseException) -> Algorithm:
        """See _publish(), for a step that failed; its own error comes first."""
        try:
            yield from self._publish()
        except Exception as unwritten:
            if unwritten is not error:
                error.add_note(f"What it published was not written: {unwritten}")
        return error

    def _is_loss(self, error: Exception) -> bool:
        """Tell whether the database went away under the step.

        That is as good as a crash of the worker: the step is executed again,
        uncounted, instead of failing because of the database. An ordinary step
        that still meets it then fails; a transaction pauses the workflow, also
        for conflicts without end, and for a database that is read-only, full,
        or in the middle of a deploy.
        """
        if connections[self.execution.host.using].in_atomic_block:
            return False
        if self.definition.atomic:
            return faults.is_transient(error)
        return faults.is_misfortune(error) and self._losses < MOST_LOSSES

    def _passes_through(self, error: BaseException) -> bool:
        return isinstance(error, (*NOT_OUTCOMES, *self.execution.host.passes_through))

    def _count(self, error: BaseException) -> Algorithm:
        """Store the failed try, so that a crash does not forget it."""
        now = clock.now()
        delay = self.definition.retries.delay_seconds(self.attempt)
        row = Attempt(
            workflow_id=self.execution.workflow_id,
            branch=self.place.branch,
            step_id=self.place.step_id,
            attempt=self.attempt,
            error=failures.dump_exception(error),
            failed_at=now,
            next_at=now + timedelta(seconds=delay),
        )
        yield from self.execution.assure_active()
        using = self.execution.host.using
        rows = Attempt.objects.using(using)
        yield Query(lambda: rows.bulk_create([row], ignore_conflicts=True))
        return row.next_at

    def _record(self, checkpoint: Checkpoint) -> Algorithm:
        self._adopted = self.execution.settle((yield Record(checkpoint)))
        yield from news.tell_step(self.execution, self._adopted or checkpoint)

    def _checkpoint(self, output: str | None, error: str | None) -> Checkpoint:
        return records.checkpoint(
            self.execution,
            self.place,
            self.definition.name,
            self.kind,
            started_at=self.started_at,
            output=output,
            error=error,
        )


def sleep(execution: State, frame: Frame, moment: Callable[[], datetime]) -> Algorithm:
    """Sleep until a moment that is decided once."""
    place = execution.enter(frame)
    if execution.recall(place, "sleep", Kind.SLEEP):
        return None
    yield from execution.assure_active()
    started_at = clock.now()
    until = execution.journal.deadlines.get((place, TIMER.name)) or moment()
    yield from waiting.until(execution, frame, place, until)
    row = records.checkpoint(
        execution, place, "sleep", Kind.SLEEP, started_at=started_at
    )
    yield from _record(execution, row)
    return None


def value(
    execution: State, frame: Frame, name: str, make: Callable[[], Any]
) -> Algorithm:
    """Record a value that would differ at replay."""
    place = execution.enter(frame)
    if recorded := execution.recall(place, name, Kind.VALUE):
        return execution.replay(recorded)
    if execution.is_overdue:
        yield from execution.assure_active()
    started_at = clock.now()
    text, made = dump_result(make(), f"{name}()")
    row = records.checkpoint(
        execution, place, name, Kind.VALUE, started_at=started_at, output=text
    )
    adopted = yield from _record(execution, row)
    return made if adopted is None else execution.replay(adopted)


def _record(execution: State, row: Checkpoint) -> Algorithm:
    with execution.busy():
        adopted = execution.settle((yield Record(row)))
    yield from news.tell_step(execution, adopted or row)
    return adopted
