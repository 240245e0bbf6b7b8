"""One stream of a workflow on a page: live where Channels is, else page by page."""

from importlib.util import find_spec
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from django_durable import conf
from django_durable.admin.pages import render
from django_durable.admin.payloads import payload_of
from django_durable.models import Stream, StreamEntry
from django_durable.models.ids import may_exist

TEMPLATE = "admin/django_durable/console/stream.html"
PER_PAGE = 100
LONGEST_OFFSET = 18


def page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Show a stream as it grows, or a page of its values."""
    workflow, stream = _found(model_admin, request)
    offset = _offset(request, stream)
    is_live = find_spec("channels") is not None and "offset" not in request.GET
    context = {
        "title": _("Stream"),
        "workflow": workflow,
        "stream": stream,
        "is_live": is_live,
        "entries": [] if is_live else _entries(workflow, stream, offset),
        "offset": offset,
        "before": max(0, offset - PER_PAGE),
        "after": offset + PER_PAGE,
        "has_more": offset + PER_PAGE < stream.next_offset,
        "media": "",
    }
    return render(model_admin, request, TEMPLATE, context)


def _found(model_admin: Any, request: HttpRequest) -> tuple[Any, Any]:
    pk, key = request.GET.get("workflow", ""), request.GET.get("key", "")
    workflow = model_admin.get_object(request, pk)
    if workflow is None or not may_exist(key):
        raise Http404
    if not model_admin.has_view_permission(request, workflow):
        raise PermissionDenied
    streams = Stream.objects.using(conf.current().database)
    stream = streams.filter(workflow_id=pk, key=key).first()
    if stream is None:
        raise Http404
    return workflow, stream


def _offset(request: HttpRequest, stream: Any) -> int:
    """Return where the page begins; by default so that it shows the last values."""
    given = request.GET.get("offset", "")
    if given.isdecimal() and len(given) <= LONGEST_OFFSET:
        return int(given)
    return max(0, int(stream.next_offset) - PER_PAGE)


def _entries(workflow: Any, stream: Any, offset: int) -> list[dict[str, Any]]:
    rows = StreamEntry.objects.using(conf.current().database).filter(
        workflow_id=workflow.pk,
        key=stream.key,
        offset__gte=offset,
        offset__lt=offset + PER_PAGE,
    )
    return [
        {"row": row, "payload": payload_of(row.value, workflow.name, at=stream.key)}
        for row in rows.order_by("offset")
    ]
