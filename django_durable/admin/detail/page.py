"""What the page of a workflow shows."""

from collections.abc import Collection
from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.functions import Substr
from django.http import HttpRequest
from django.utils.translation import gettext as _

from django_durable.admin import live
from django_durable.admin.actions.operations import OPERATIONS
from django_durable.admin.approvals.offering import answer_address
from django_durable.admin.detail import talk, timeline
from django_durable.admin.detail.facts import facts
from django_durable.admin.detail.relatives import relatives
from django_durable.admin.detail.steps import step_table
from django_durable.admin.errors import shown_error
from django_durable.admin.holds import held_up
from django_durable.admin.payloads import inputs_payload, payload_of
from django_durable.admin.schedules.origin import origin
from django_durable.admin.waits import wait_text
from django_durable.display import visible
from django_durable.models import Worker
from django_durable.models.status import Status
from django_durable.models.workflow import PAYLOADS
from django_durable.redaction import HIDDEN


def context(model_admin: Any, request: HttpRequest, workflow: Any) -> dict[str, Any]:
    """Return everything; the number of statements does not depend on the workflow."""
    with_data = model_admin.has_view_data_permission(request, workflow)
    waits = list(_open_waits(workflow))
    attempts = list(_attempts(workflow, with_data=with_data))
    table = step_table(workflow, request, attempts, with_data=with_data)
    others = [wait.awaited_id for wait in waits if wait.awaited_id]
    others += [step.row.child_id for step in table.rows if step.row.child_id]
    family = relatives(model_admin, request, workflow, others)
    hidden = family.hidden
    shown_waits = [
        _wait(model_admin, request, workflow, wait, hidden) for wait in waits
    ]
    total = workflow.steps.count() if table.chosen else table.total
    return {
        "title": _("Workflow"),
        "alarms": [],  # Asked for by the open page.
        "live_version": live.version_of(workflow),
        "with_data": with_data,
        "waits": shown_waits,
        "approval": next(filter(None, (each["answer"] for each in shown_waits)), ""),
        "facts": facts(workflow),
        "held_up": held_up(workflow),
        "origin": origin(request, workflow),
        "workflow": workflow,
        "tools": tools(model_admin, request, workflow),
        "may_fork": model_admin.has_fork_permission(request, workflow),
        "worker": workflow.worker_id and _worker(workflow),
        "timeline": timeline.timeline(
            workflow, _drawn(workflow), attempts, waits, family.groups, total=total
        ),
        "table": table,
        "family": family,
        "messages_sent": talk.messages(workflow, with_data=with_data),
        "events": talk.events(workflow, with_data=with_data),
        "streams": talk.streams(workflow),
        "raw": raw(workflow, hidden),
        **(data(workflow) if with_data else {}),
    }


def data(workflow: Any) -> dict[str, Any]:
    """Return inputs and outcome."""
    return {
        "inputs": inputs_payload(workflow.inputs, workflow.name),
        "output": payload_of(workflow.output, workflow.name, at="output"),
        "failure": shown_error(workflow.error, workflow.name),
    }


def tools(
    model_admin: Any, request: HttpRequest, workflow: Any
) -> list[dict[str, Any]]:
    """Return what this user may do to the workflow as it is now."""
    return [
        {"name": each.name, "label": each.label, "is_dangerous": each.is_dangerous}
        for each in OPERATIONS.values()
        if each.is_offered(workflow)
        and getattr(model_admin, f"has_{each.permission}_permission")(request, workflow)
    ]


def raw(workflow: Any, hidden: Collection[str]) -> list[tuple[str, str]]:
    """Return the stored columns as they are, without payloads and hidden ids."""

    def shown(field: Any) -> str:
        value = getattr(workflow, field.attname)
        is_hidden = field.many_to_one and value in hidden
        return HIDDEN if is_hidden else visible(value, limit=1000)

    return [
        (field.name, shown(field))
        for field in workflow._meta.concrete_fields
        if field.name not in PAYLOADS
    ]


def _worker(workflow: Any) -> Any:
    rows = Worker.objects.using(workflow._state.db)
    return rows.filter(pk=workflow.worker_id).first() or workflow.worker_id


def _open_waits(workflow: Any) -> Any:
    """Return what it waits for now; rows may be left of what it once waited for."""
    waits = workflow.waits.order_by("wake_at", "branch", "step_id")
    return waits[:50] if workflow.status == Status.WAITING else []


def _attempts(workflow: Any, *, with_data: bool) -> Any:
    head = Substr("error", 1, 2000 if with_data else 0)
    latest = workflow.attempts.order_by("-failed_at").defer("error")
    rows = latest.annotate(error_head=head)[: timeline.MOST_ATTEMPTS]
    return sorted(rows, key=lambda row: (row.branch, row.step_id, row.attempt))


def _drawn(workflow: Any) -> list[Any]:
    """Return the latest steps, without their values, in the order of their begin."""
    rows = workflow.steps.order_by("-started_at", "-branch", "-step_id")
    light = rows.only("branch", "step_id", "name", "kind", "started_at", "completed_at")
    is_failed = ExpressionWrapper(Q(error__isnull=False), BooleanField())
    marked = light.annotate(has_failed=is_failed)
    return list(marked[: timeline.MOST_ROWS])[::-1]


def _wait(
    model_admin: Any,
    request: HttpRequest,
    workflow: Any,
    wait: Any,
    hidden: Collection[str],
) -> dict[str, Any]:
    wait.workflow = workflow  # Known: not to be asked for.
    is_hidden = wait.awaited_id in hidden
    awaited = HIDDEN if is_hidden else wait.awaited_id
    given = {"kind": wait.kind, "key": wait.key, "awaited_id": awaited}
    is_other = wait.awaited_id not in ("", wait.workflow_id) and not is_hidden
    return {
        "text": visible(wait_text(given, wait.wake_at), limit=300, lines=False),
        "other": wait.awaited_id if is_other else "",
        "answer": answer_address(model_admin, request, wait),
        "row": wait,
    }
