"""Messages, events and streams of a workflow."""

from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.db.models.functions import Length, Substr
from django.urls import NoReverseMatch, reverse

from django_durable.admin.payloads import payload_of

MOST_ROWS = 100
_HEAD = 2_000


def messages(workflow: Any, *, with_data: bool) -> list[dict[str, Any]]:
    """Return the latest messages, the newest first."""
    rows = workflow.notifications.order_by("-id")
    return [
        {
            "row": row,
            "payload": _payload(workflow, row, "message") if with_data else None,
            "is_cut": row.size > _HEAD,
        }
        for row in _light(rows, "message", with_data=with_data)
    ]


def events(workflow: Any, *, with_data: bool) -> list[dict[str, Any]]:
    """Return the events by their keys."""
    rows = workflow.events.order_by("key")
    return [
        {
            "row": row,
            "payload": _payload(workflow, row, row.key) if with_data else None,
            "is_cut": row.size > _HEAD,
        }
        for row in _light(rows, "value", with_data=with_data)
    ]


def streams(workflow: Any) -> list[dict[str, Any]]:
    """Return the streams, with the address of the viewer where there is one."""
    return [
        {"row": row, "url": viewer(workflow.pk, row.key)}
        for row in workflow.streams.order_by("key")[:MOST_ROWS]
    ]


def viewer(workflow_id: str, key: str) -> str:
    """Return the address of the page that shows a stream, "" without one."""
    try:
        address = reverse("admin:django_durable_stream")
    except NoReverseMatch:
        return ""
    return f"{address}?{urlencode({'workflow': workflow_id, 'key': key})}"


def _light(rows: QuerySet[Any], field: str, *, with_data: bool) -> Any:
    return rows.defer(field).annotate(
        head=Substr(field, 1, _HEAD if with_data else 0), size=Length(field)
    )[:MOST_ROWS]


def _payload(workflow: Any, row: Any, at: str) -> Any:
    return payload_of(row.head, workflow.name, at=at)
