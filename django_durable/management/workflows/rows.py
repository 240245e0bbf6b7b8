"""Workflows as the subcommands show them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from django_durable.exceptions import WorkflowNotFound
from django_durable.management.workflows.output import moment, stamp
from django_durable.models import Wait, Worker, Workflow
from django_durable.models.code import covers
from django_durable.models.ids import may_exist
from django_durable.models.status import Status
from django_durable.models.targets import TargetKind

Document: TypeAlias = dict[str, Any]

_TIMES = (
    "created_at",
    "started_at",
    "changed_at",
    "completed_at",
    "run_after",
    "wake_at",
    "deadline",
)
_PLAIN = (
    "id",
    "name",
    "version",
    "status",
    "queue_name",
    "priority",
    "summary",
    "attributes",
    "subject_type",
    "subject_id",
    "parent_id",
    "forked_from_id",
    "cancel_reason",
    "cancelled_with",
    "pause_reason",
    "claim",
    "recovery_attempts",
    "seconds_queued",
    "seconds_ran",
    "seconds_waited",
)
# Of one statement: SQLite takes a limited number of parameters.
MOST_IDS = 500
_STRANDABLE = (Status.ENQUEUED, Status.WAITING)


def existing(workflow_id: str, using: str) -> Workflow:
    """Return the workflow of this id, or raise WorkflowNotFound."""
    row: Workflow | None = None
    if may_exist(workflow_id):
        row = Workflow.objects.using(using).filter(pk=workflow_id).first()
    if row is None:
        raise WorkflowNotFound(workflow_id)
    return row


def document(row: Workflow, live: set[tuple[str, str]]) -> Document:
    """Return a workflow without its payloads, for programs."""
    found = {name: getattr(row, name) for name in _PLAIN}
    found["worker_id"] = None if row.worker_id is None else str(row.worker_id)
    found["is_stranded"] = is_stranded(row, live)
    return found | {name: stamp(getattr(row, name)) for name in _TIMES}


def is_stranded(row: Workflow, live: set[tuple[str, str]]) -> bool:
    """Tell whether no live worker has the code of a workflow that needs one."""
    return row.status in _STRANDABLE and not covers(live, row.name, row.version)


def live_code(using: str) -> set[tuple[str, str]]:
    """Return the (name, version) pairs that some live worker has."""
    return Worker.objects.using(using).live_definitions()


def waits_of(rows: Iterable[Workflow], using: str) -> dict[str, list[Wait]]:
    """Return what each of the waiting workflows waits for."""
    ids = [row.pk for row in rows if row.status == Status.WAITING]
    found: dict[str, list[Wait]] = defaultdict(list)
    for start in range(0, len(ids), MOST_IDS):
        some = ids[start : start + MOST_IDS]
        waits = Wait.objects.using(using).filter(workflow__in=some)
        for wait in waits.order_by("workflow_id", "branch", "step_id", "target"):
            found[wait.workflow_id].append(wait)
    return found


def wait_document(wait: Wait) -> Document:
    """Return one thing that is waited for, for programs."""
    return {
        "kind": wait.kind,
        "branch": wait.branch,
        "step_id": wait.step_id,
        "workflow_id": wait.awaited_id,
        "key": wait.key,
        "wake_at": stamp(wait.wake_at),
    }


def wait_text(wait: Wait) -> str:
    """Say what is waited for: ``message approval until 2026-11-27 11:03:00``."""
    parts = [] if wait.kind == TargetKind.TIMER.value else [wait.kind]
    if wait.kind == TargetKind.MESSAGE.value:
        parts.append(wait.key or "without topic")
    elif wait.kind == TargetKind.RESULT.value:
        parts.append(wait.awaited_id)
    elif wait.key:
        parts += [wait.key, "of", wait.awaited_id]
    if wait.wake_at is not None:
        parts += ["until", moment(wait.wake_at)]
    return " ".join(parts)


def explanation(row: Workflow, waits: Sequence[Wait]) -> str:
    """Give its author's one line about a workflow, and say why it is in its state."""
    waiting = "; ".join(map(wait_text, waits)) if row.status == Status.WAITING else ""
    why = waiting or row.pause_reason or row.cancel_reason
    return " · ".join(part for part in (row.summary, why) if part)
