"""Workflows that workflows call and start, and whose results they wait for."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import connections, transaction

from django_durable import clock, failures, serialization
from django_durable.definitions.context import Frame, has_running_loop
from django_durable.definitions.options import StartOptions
from django_durable.definitions.registry import Definition
from django_durable.exceptions import (
    NonDeterministicWorkflow,
    Pause,
    WaitTimeout,
    WorkflowConflict,
    WorkflowNotFound,
)
from django_durable.execution import news, records, running, waiting
from django_durable.execution.drivers import Algorithm
from django_durable.execution.journal import Place
from django_durable.execution.requests import Query, Record
from django_durable.execution.results import Result, find_result
from django_durable.execution.starting import build_row, check_existing, hold
from django_durable.execution.state import State
from django_durable.models import Step, Workflow, sql
from django_durable.models.checkpoint import Checkpoint, Recorded, Verdict
from django_durable.models.status import Status
from django_durable.models.targets import result_target

Kind = Step.Kind


def call(
    execution: State,
    frame: Frame,
    definition: Definition,
    options: StartOptions,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> Algorithm:
    """Run a child here, or wait for the one that an earlier execution started.

    The child's row is written under the parent's fence before it runs; its
    outcome becomes the outcome of this step.
    """
    place = execution.enter(frame)
    if recorded := execution.recall(place, definition.name, Kind.CHILD):
        return execution.replay(recorded)
    if definition.is_async and not has_running_loop():
        raise TypeError(
            f"{definition.name} is async, and the code that calls it is not:"
            " start it, and wait for the handle's result."
        )
    yield from execution.assure_active()
    started_at = clock.now()
    row = _row(execution, place, definition.name, definition, options, args, kwargs)
    # Its waits keep its parent in memory, too.
    claimed = replace(
        hold(row, execution.host.worker_id), is_limited=execution.claimed.is_limited
    )
    with execution.busy():
        try:
            if (yield Query(lambda: _insert_held(execution, row))):
                yield running.RunChild(execution, claimed, definition)
        except asyncio.CancelledError:
            # A sibling's failure cancels this branch: the child is the workers'.
            yield Query(lambda: _give_away(execution, row))
            raise
    result = yield from _await_result(execution, frame, place, row.pk)
    record = _outcome_row(
        execution, place, definition.name, Kind.CHILD, result, started_at
    )
    return (yield from _record(execution, record))


def start(
    execution: State,
    frame: Frame,
    name: str,
    definition: Definition | None,
    options: StartOptions,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> Algorithm:
    """Start a child for the workers; return its id and whether it is new."""
    place = execution.enter(frame)
    if recorded := execution.recall(place, name, Kind.START):
        return recorded.child_id, execution.replay(recorded)
    yield from execution.assure_active()
    row = _row(execution, place, name, definition, options, args, kwargs)
    record = records.checkpoint(
        execution,
        place,
        name,
        Kind.START,
        started_at=clock.now(),
        child_id=row.pk,
    )
    with execution.busy():
        recorded_now = yield Query(lambda: _start(execution, row, record))
        adopted = execution.settle(recorded_now)
    if adopted is not None:
        return adopted.child_id, execution.replay(adopted)
    yield from news.tell_step(execution, record)
    return row.pk, serialization.loads(recorded_now.checkpoint.output)


def result(
    execution: State, frame: Frame, workflow_id: str, timeout: float | None
) -> Algorithm:
    """Wait for the end of any workflow; the outcome is recorded."""
    place = execution.enter(frame)
    if recorded := execution.recall(place, "get_result", Kind.RESULT):
        return execution.replay(recorded)
    yield from execution.assure_active()
    started_at = clock.now()
    until = None
    if timeout is not None:
        target = result_target(workflow_id)
        kept = execution.journal.deadlines.get((place, target.name))
        until = kept or started_at + timedelta(seconds=timeout)
    found = yield from _await_result(execution, frame, place, workflow_id, until=until)
    if isinstance(found, Result):
        record = _outcome_row(
            execution, place, "get_result", Kind.RESULT, found, started_at
        )
        return (yield from _record(execution, record))
    error = WaitTimeout(f"the result of workflow {workflow_id!r}", timeout or 0.0)
    record = records.checkpoint(
        execution,
        place,
        "get_result",
        Kind.RESULT,
        started_at=started_at,
        error=failures.dump_exception(error),
        child_id=workflow_id,
    )
    return (yield from _record(execution, record))


def _await_result(
    execution: State,
    frame: Frame,
    place: Place,
    workflow_id: str,
    *,
    until: datetime | None = None,
) -> Algorithm:
    using = execution.host.using

    def look() -> Result | WorkflowNotFound | None:
        try:
            return find_result(using, workflow_id)
        except Workflow.DoesNotExist:
            return WorkflowNotFound(workflow_id)

    found = yield from waiting.wait(
        execution,
        frame,
        place,
        [result_target(workflow_id)],
        until=until,
        look=look,
    )
    if isinstance(found, WorkflowNotFound):
        raise found
    if found is not None and found.status == Status.CANCELLED:
        # Cancelled along with this workflow? Then that is no outcome of a step.
        yield from execution.assure_active(anyhow=True)
    return found


def _record(execution: State, record: Checkpoint) -> Algorithm:
    with execution.busy():
        adopted = execution.settle((yield Record(record)))
    outcome = adopted if adopted is not None else record
    yield from news.tell_step(execution, outcome)
    return execution.replay(outcome)


def _outcome_row(
    execution: State,
    place: Place,
    name: str,
    kind: Kind,
    result: Result,
    started_at: datetime,
) -> Checkpoint:
    return records.checkpoint(
        execution,
        place,
        name,
        kind,
        started_at=started_at,
        output=result.output,
        error=result.error_text(),
        child_id=result.workflow_id,
    )


def _row(
    execution: State,
    place: Place,
    name: str,
    definition: Definition | None,
    options: StartOptions,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> Workflow:
    return build_row(
        name,
        definition,
        options,
        args,
        kwargs,
        child_id=execution.child_id(place),
        parent_id=execution.workflow_id,
        deadline=execution.deadline,
    )


class _Refused(Exception):
    """The parent is not ours: nothing of the transaction may stay."""

    def __init__(self, recorded: Recorded) -> None:
        super().__init__(recorded.verdict)
        self.recorded = recorded


def _insert_held(execution: State, row: Workflow) -> bool:
    """Insert a child that runs here, while the parent's row is locked."""
    using = execution.host.using
    rows = Workflow.objects.using(using)
    with rows.locked(execution.workflow_id) as standing:
        execution.learn(standing)
        if execution.ending is not None:
            raise execution.ending
        created = bool(rows.enqueue([row]))
    if not created:
        _check_child(execution, row, using)
    return created or _is_our_insert(row, using)


def _give_away(execution: State, row: Workflow) -> None:
    """Put a held child into the queue, if it was inserted and has not ended."""
    rows = Workflow.objects.using(execution.host.using)
    rows.hand_over(row.pk, row.claim)


def _is_our_insert(row: Workflow, using: str) -> bool:
    """Tell whether the row is from a statement of ours whose answer got lost."""
    return (
        Workflow.objects.using(using)
        .filter(
            pk=row.pk,
            status=row.status,
            claim=row.claim,
            worker=row.worker_id,
            created_at=row.created_at,
        )
        .exists()
    )


def _check_child(execution: State, row: Workflow, using: str) -> None:
    """Pause when the child of this place was another function's."""
    try:
        check_existing(row, using)
    except WorkflowConflict as conflict:
        if "/" not in row.pk:
            raise  # An id that the user gave: an error of the call.
        branch, _, number = row.pk.rpartition("/")[2].rpartition(":")
        mismatch = NonDeterministicWorkflow(
            execution.workflow_id,
            branch,
            int(number),
            conflict.existing_name,
            conflict.requested_name,
        )
        raise execution.end(Pause(mismatch)) from None


def _start(execution: State, row: Workflow, record: Checkpoint) -> Recorded:
    """Insert a child and its checkpoint in one transaction, strictly fenced."""
    using = execution.host.using
    try:
        with transaction.atomic(using=using):
            created = bool(Workflow.objects.using(using).enqueue([row]))
            if not created:
                check_existing(row, using)
            output = serialization.dumps(created, "created")
            full = records.completed(record, output)
            sql.limit_lock_wait(connections[using])
            recorded = Step.objects.using(using).record_held(full)
            if recorded.verdict is not Verdict.RECORDED:
                raise _Refused(recorded)
    except _Refused as refused:
        return refused.recorded
    return Recorded(recorded.verdict, recorded.standing, full)
