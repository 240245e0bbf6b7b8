"""A whole stored value as a file."""

from typing import Any

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from django_durable.admin.payloads import error_text, own_text, stored_text
from django_durable.models.ids import may_exist
from django_durable.models.workflow import PAYLOADS


def download(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Answer with one value: ``?of=inputs``, or of a step, a message, an event."""
    workflow = model_admin.get_object(request, unquote(object_id))
    if workflow is None or not model_admin.has_view_permission(request, workflow):
        raise Http404
    if not model_admin.has_view_data_permission(request, workflow):
        raise PermissionDenied
    text = _text(workflow, request)
    if text is None:
        raise Http404
    response = HttpResponse(text, content_type="application/json; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="value.json"'
    return response


def _text(workflow: Any, request: HttpRequest) -> str | None:
    of = request.GET.get("of", "")
    if of in PAYLOADS:
        return own_text(getattr(workflow, of), workflow.name, of)
    reader = _READERS.get(of)
    return reader(workflow, request) if reader is not None else None


def _step(workflow: Any, request: HttpRequest) -> str | None:
    branch, number = request.GET.get("branch", ""), _number(request.GET.get("step"))
    if number is None or not may_exist(branch):
        return None
    row = workflow.steps.filter(branch=branch, step_id=number).first()
    if row is None:
        return None
    if row.error is not None:
        return error_text(row.error, workflow.name, step=row.name)
    return _stored(workflow, row.output, "output", row.name)


def _message(workflow: Any, request: HttpRequest) -> str | None:
    number = _number(request.GET.get("id"))
    rows = workflow.notifications.filter(pk=number)
    row = rows.first() if number is not None else None
    return _stored(workflow, row.message, "message") if row is not None else None


def _event(workflow: Any, request: HttpRequest) -> str | None:
    key = request.GET.get("key", "")
    row = workflow.events.filter(key=key).first() if may_exist(key) else None
    return _stored(workflow, row.value, key) if row is not None else None


def _attempt(workflow: Any, request: HttpRequest) -> str | None:
    """Return the error of a failed try; its step may have no name yet."""
    branch = request.GET.get("branch", "")
    number, attempt = (_number(request.GET.get(name)) for name in ("step", "attempt"))
    if number is None or attempt is None or not may_exist(branch):
        return None
    place = {"branch": branch, "step_id": number}
    row = workflow.attempts.filter(**place, attempt=attempt).first()
    if row is None:
        return None
    name = workflow.steps.filter(**place).values_list("name", flat=True).first()
    return error_text(row.error, workflow.name, step=name)


_READERS = {"step": _step, "attempt": _attempt, "message": _message, "event": _event}


def _stored(workflow: Any, stored: str | None, at: str, step: str = "") -> str | None:
    if stored is None:
        return None
    return stored_text(stored, workflow.name, step=step, at=at)


def _number(text: str | None) -> int | None:
    """Return a number that the column can hold."""
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > 9:
        return None
    return int(text)
