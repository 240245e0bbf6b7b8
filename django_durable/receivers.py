"""One log line per change of state; and the hub's ear for published facts."""

import logging
from typing import Any

from django_durable import signals, wakeup
from django_durable.redaction import patterns_for_failure, redacted_error

logger = logging.getLogger("django_durable")


def connect() -> None:
    """Connect every receiver, once."""
    for signal, receiver in _RECEIVERS:
        signals.connect_quick(signal, receiver, f"django_durable.{receiver.__name__}")


def log_started(workflow_id: str, name: str, claim: int, **facts: Any) -> None:
    again = f" (claim {claim})" if claim > 1 else ""
    extra = _extra(workflow_id, name, **facts)
    logger.info("Workflow %s started: %s%s", workflow_id, name, again, extra=extra)


def log_finished(workflow_id: str, name: str, **facts: Any) -> None:
    extra = _extra(workflow_id, name, **facts)
    logger.info("Workflow %s completed: %s", workflow_id, name, extra=extra)


def log_failed(workflow_id: str, name: str, error: str, **facts: Any) -> None:
    found = redacted_error(error, patterns_for_failure(name))
    logger.error(
        "Workflow %s failed: %s: %s: %s",
        workflow_id,
        name,
        found["type"],
        found["message"],
        extra=_extra(workflow_id, name, **facts),
    )


def log_cancelled(workflow_id: str, name: str, reason: str, **facts: Any) -> None:
    extra, reason = _extra(workflow_id, name, **facts), reason or "-"
    logger.info("Workflow %s cancelled: %s: %s", workflow_id, name, reason, extra=extra)


def log_paused(workflow_id: str, name: str, reason: str, **facts: Any) -> None:
    extra = _extra(workflow_id, name, **facts)
    logger.error("Workflow %s paused: %s: %s", workflow_id, name, reason, extra=extra)


def log_dead(workflow_id: str, name: str, **facts: Any) -> None:
    logger.error(
        "Workflow %s moved to the dead letter: it killed its worker again and again",
        workflow_id,
        extra=_extra(workflow_id, name, **facts),
    )


def log_recovered(workflow_id: str, name: str, stalls: int, **facts: Any) -> None:
    logger.warning(
        "Workflow %s recovered from a lost worker (%d in a row without progress)",
        workflow_id,
        stalls,
        extra=_extra(workflow_id, name, **facts),
    )


def _extra(
    workflow_id: str, name: str, queue_name: str = "", worker_id: Any = None, **_: Any
) -> dict[str, str]:
    """Return the attributes of a record about a workflow."""
    return {
        "workflow_id": workflow_id,
        "workflow_name": name,
        "queue": queue_name,
        "worker_id": str(worker_id or ""),
    }


_RECEIVERS = (
    (signals.published, wakeup.on_published),
    (signals.workflow_started, log_started),
    (signals.workflow_finished, log_finished),
    (signals.workflow_failed, log_failed),
    (signals.workflow_cancelled, log_cancelled),
    (signals.workflow_paused, log_paused),
    (signals.workflow_dead, log_dead),
    (signals.workflow_recovered, log_recovered),
)
