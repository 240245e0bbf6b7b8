"""Telling what an execution has done, once it is committed."""

from typing import Any

from django.dispatch import Signal

from django_durable import signals
from django_durable.definitions.context import entered
from django_durable.execution.drivers import Algorithm
from django_durable.execution.requests import InThread, Query
from django_durable.execution.state import State
from django_durable.models.checkpoint import Checkpoint


def tell(execution: State, signal: Signal, **facts: Any) -> Algorithm:
    """Send a signal about this workflow, when somebody listens.

    In a transaction of the caller's nothing is committed yet, and only that
    connection's own thread knows when it will be. On an event loop a receiver of
    the project's may neither ask the database nor be waited for: a thread calls
    it. Receivers are no part of the workflow: what they start is no child, and
    what they call no step.
    """
    if not signal.receivers:
        return
    host, claimed = execution.host, execution.claimed
    facts |= {
        "workflow_id": claimed.id,
        "name": claimed.name,
        "queue_name": claimed.queue_name,
        "worker_id": host.worker_id,
    }
    if host.worker_id is None:
        yield Query(lambda: signals.tell_on_commit(signal, host.using, **facts))
        return
    if execution.is_async and signals.may_wait(signal):
        yield InThread(lambda: _tell(signal, facts))
        return
    _tell(signal, facts)


def _tell(signal: Signal, facts: dict[str, Any]) -> None:
    with entered(None):
        signals.tell(signal, **facts)


def is_heard() -> bool:
    """Tell whether somebody listens to the ends of steps."""
    return bool(signals.step_finished.receivers)


def tell_step(execution: State, row: Checkpoint) -> Algorithm:
    """Send ``step_finished``."""
    if is_heard():
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
