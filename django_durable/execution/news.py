"""Telling what an execution has done, once it is committed."""

from typing import Any

from django.dispatch import Signal

from django_durable import signals
from django_durable.execution.drivers import Algorithm
from django_durable.execution.requests import Query
from django_durable.execution.state import State
from django_durable.models.checkpoint import Checkpoint


def tell(execution: State, signal: Signal, **facts: Any) -> Algorithm:
    """Send a signal about this workflow, when somebody listens.

    In a transaction of the caller's nothing is committed yet, and only that
    connection's own thread knows when it will be.
    """
    if not signal.receivers:
        return
    facts["workflow_id"] = execution.workflow_id
    facts["name"] = execution.definition.name
    using = execution.host.using
    if execution.host.worker_id is None:
        yield Query(lambda: signals.tell_on_commit(signal, using, **facts))
    else:
        signals.tell(signal, **facts)


def tell_step(execution: State, row: Checkpoint) -> Algorithm:
    """Send ``step_finished``."""
    if signals.step_finished.receivers:
        yield from tell(
            execution,
            signals.step_finished,
            step_name=row.name,
            branch=row.branch,
            step_id=row.step_id,
            kind=row.kind,
            seconds=(row.completed_at - row.started_at).total_seconds(),
            failed=row.error is not None,
        )
