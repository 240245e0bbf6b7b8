"""The way from a workflow that waits for a person to the form that answers it."""

from typing import Any
from urllib.parse import urlencode

from django.contrib.admin.utils import quote
from django.http import HttpRequest

from django_durable import clock
from django_durable.admin import dashboard
from django_durable.models.status import Status


def answer_address(model_admin: Any, request: HttpRequest, wait: Any) -> str:
    """Return where this user answers an open wait of its workflow; else nothing."""
    is_over = wait.wake_at is not None and wait.wake_at <= clock.now()
    if not wait.is_human or is_over:
        return ""
    return address_for(
        model_admin, request, wait.workflow, wait.branch, wait.step_id, wait.key
    )


def address_for(
    model_admin: Any,
    request: HttpRequest,
    workflow: Any,
    branch: str,
    step_id: int,
    topic: str,
) -> str:
    """Return where this user answers what waits at a place; else nothing."""
    may_send = model_admin.has_send_permission(request, workflow)
    if not (may_send and model_admin.has_topic_permission(request, workflow, topic)):
        return ""
    page = dashboard.address(request, "workflow_answer", quote(workflow.pk))
    return f"{page}?{urlencode({'branch': branch, 'step': step_id})}"


def offer(model_admin: Any, request: HttpRequest, rows: list[Any]) -> list[Any]:
    """Note on the rows of a list where this user answers what they wait for."""
    for row in rows:
        wait = row.shown_wait
        if row.status == Status.WAITING and wait and wait["is_human"]:
            row.answer_address = address_for(
                model_admin, request, row, wait["branch"], wait["step"], wait["key"]
            )
    return rows
