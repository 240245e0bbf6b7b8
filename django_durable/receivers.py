"""One log line per change of state; and the hub's ear for published facts."""

import logging
from typing import Any

from django_durable import failures, signals, wakeup

logger = logging.getLogger("django_durable")


def connect() -> None:
    """Connect every receiver, once."""
    for signal, receiver in _RECEIVERS:
        signal.connect(receiver, dispatch_uid=f"django_durable.{receiver.__name__}")


def log_started(workflow_id: str, name: str, claim: int, **_: Any) -> None:
    again = f" (claim {claim})" if claim > 1 else ""
    logger.info("Workflow %s started: %s%s", workflow_id, name, again)


def log_finished(workflow_id: str, name: str, **_: Any) -> None:
    logger.info("Workflow %s completed: %s", workflow_id, name)


def log_failed(workflow_id: str, name: str, error: str, **_: Any) -> None:
    kind, message = failures.describe(error)
    logger.error("Workflow %s failed: %s: %s: %s", workflow_id, name, kind, message)


def log_cancelled(workflow_id: str, name: str, reason: str, **_: Any) -> None:
    logger.info("Workflow %s cancelled: %s: %s", workflow_id, name, reason or "-")


def log_paused(workflow_id: str, name: str, reason: str, **_: Any) -> None:
    logger.error("Workflow %s paused: %s: %s", workflow_id, name, reason)


def log_dead(workflow_id: str, **_: Any) -> None:
    logger.error(
        "Workflow %s moved to the dead letter: it killed its worker again and again",
        workflow_id,
    )


def log_recovered(workflow_id: str, stalls: int, **_: Any) -> None:
    logger.warning(
        "Workflow %s recovered from a lost worker (%d in a row without progress)",
        workflow_id,
        stalls,
    )


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
