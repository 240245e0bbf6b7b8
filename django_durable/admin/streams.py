"""One stream of a workflow on a page: live where Channels is, else page by page.

Where values are to be hidden it is not live either: the sockets send what is stored.
"""

from importlib.util import find_spec
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from django_durable import conf
from django_durable.admin.dashboard import address
from django_durable.admin.pages import answer, render
from django_durable.admin.payloads import payload_of
from django_durable.models import Stream, StreamEntry
from django_durable.models.ids import may_exist
from django_durable.redaction import patterns_for

TEMPLATE = "admin/django_durable/console/stream.html"
PER_PAGE = 100
LONGEST_OFFSET = 18


def page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Show a stream as it grows, or a page of its values."""
    workflow, stream = _found(model_admin, request)
    offset = _offset(request, stream)
    is_latest = "offset" not in request.GET
    is_live = is_latest and _can_follow(workflow)
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
        "live_address": _address(request) if is_latest and not is_live else "",
        "live_version": _version(stream),
        "media": "",
    }
    return render(model_admin, request, TEMPLATE, context)


def news(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Answer with what changes when a page of a stream has more to show."""
    _workflow, stream = _found(model_admin, request)
    return answer(request, {"version": _version(stream)})


def _can_follow(workflow: Any) -> bool:
    return find_spec("channels") is not None and not patterns_for(workflow.name)


def _address(request: HttpRequest) -> str:
    return f"{address(request, 'api_stream')}?{request.GET.urlencode()}"


def _version(stream: Any) -> str:
    return f"{stream.next_offset} {stream.is_closed}"


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
