"""The numbers in the head of a workflow's page."""

from typing import Any

from django_durable import clock
from django_durable.admin import times
from django_durable.models.status import Status


def facts(workflow: Any) -> dict[str, str]:
    """Return the lengths of time, the present state included, and the counts."""
    lengths = _lengths(workflow)
    counts = {
        "executions": str(workflow.claim),
        "recoveries": str(workflow.recovery_attempts),
    }
    return {**lengths, **counts}


def _lengths(workflow: Any) -> dict[str, str]:
    since = (clock.now() - workflow.changed_at).total_seconds()
    going = {
        Status.ENQUEUED: "seconds_queued",
        Status.PENDING: "seconds_ran",
        Status.WAITING: "seconds_waited",
    }.get(workflow.status)
    return {
        name.removeprefix("seconds_"): times.length(
            getattr(workflow, name) + (max(since, 0.0) if name == going else 0.0)
        )
        for name in ("seconds_queued", "seconds_ran", "seconds_waited")
    }
