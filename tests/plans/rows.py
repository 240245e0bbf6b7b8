"""Rows of the filled tables, and what is written next to them."""

import uuid
from datetime import timedelta
from typing import Any

from django_durable import clock
from django_durable.models import Workflow
from django_durable.models.checkpoint import Checkpoint
from django_durable.models.letters import Letter
from django_durable.models.outcome import Outcome
from django_durable.models.targets import (
    TIMER,
    event_target,
    message_target,
    result_target,
    stream_target,
)
from django_durable.models.wait import WaitRow

DEFINITIONS = [("orders.checkout", "1"), ("orders.remind", "2"), ("any", "*")]
# What one batch of a busy worker is about.
MANY = range(101, 151)


def nth(status: str, number: int) -> str:
    """Return the id of one of the workflows of a status."""
    return f"{status}-{number:06}"


QUEUED, HELD, ASLEEP, DONE, CANCELLED = (
    nth(status, 151)
    for status in ("ENQUEUED", "PENDING", "WAITING", "SUCCESS", "CANCELLED")
)


def checkpoint(workflow_id: str = HELD, step_id: int = 7) -> Checkpoint:
    """Build the next step of a workflow that is held."""
    now = clock.now()
    return Checkpoint(
        workflow_id=workflow_id,
        branch="",
        step_id=step_id,
        claim=1,
        name="orders.pay",
        kind="step",
        output="json:1",
        error=None,
        child_id=None,
        worker_id=uuid.uuid4(),
        started_at=now,
        completed_at=now,
    )


def outcome(number: int) -> Outcome:
    """Build the end of a workflow that is held."""
    return Outcome(nth("PENDING", number), 1, "SUCCESS", "json:1", None, clock.now())


def letter(number: int, **options: Any) -> Letter:
    """Build a message to a workflow that waits for another one."""
    return Letter(nth("WAITING", number), "asked", "json:1", **options)


def new_row(workflow_id: str, **changes: Any) -> Workflow:
    """Build an unsaved workflow."""
    now = clock.now()
    values = {
        "name": "orders.checkout",
        "version": "1",
        "inputs": "json:[{}]",
        "run_after": now,
        "created_at": now,
        "changed_at": now,
    }
    return Workflow(id=workflow_id, **values | changes)


def every_wait() -> list[WaitRow]:
    """Build a wait of every kind."""
    other = nth("PENDING", 5)
    targets = [
        message_target(HELD, "next"),
        event_target(other, "next"),
        result_target(other),
        stream_target(other, "lines", 2),
        TIMER,
    ]
    until = clock.now() + timedelta(days=1)
    return [WaitRow("", 7, target, until) for target in targets]
