"""One workflow with all that hangs on it, as a JSON file."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse

from django_durable.admin.listing.export import COLUMNS, RELATED
from django_durable.admin.others import hidden_ids, named
from django_durable.admin.payloads import own_text, part_text
from django_durable.models.workflow import PAYLOADS
from django_durable.redaction import HIDDEN

MOST_ROWS = 10_000
CHUNK = 500
# Of each related set: its order, the columns that everybody sees, and the values.
PARTS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "steps": (
        ("started_at", "branch", "step_id"),
        (
            *("branch", "step_id", "name", "kind", "started_at", "completed_at"),
            *("worker_id", "child_id"),
        ),
        ("output", "error"),
    ),
    "attempts": (
        ("failed_at",),
        ("branch", "step_id", "attempt", "failed_at", "next_at"),
        ("error",),
    ),
    "waits": (
        ("branch", "step_id"),
        ("branch", "step_id", "kind", "key", "awaited_id", "is_human", "wake_at"),
        (),
    ),
    "notifications": (
        ("id",),
        ("topic", "sent_at", "consumed_branch", "consumed_by"),
        ("message",),
    ),
    "events": (("key",), ("key", "updated_at"), ("value",)),
    "streams": (("key",), ("key", "next_offset", "is_closed"), ()),
}
# Of these, the columns that name other workflows.
OTHERS = {"steps": "child_id", "waits": "awaited_id"}


def export(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Answer with the file; values in it need the permission to see data."""
    workflow = model_admin.get_object(request, unquote(object_id))
    if workflow is None:
        raise Http404
    if not model_admin.has_view_permission(request, workflow):
        raise PermissionDenied
    with_data = model_admin.has_view_data_permission(request, workflow)
    response = StreamingHttpResponse(
        _lines(workflow, model_admin.get_queryset(request), with_data=with_data),
        content_type="application/json",
    )
    response["Content-Disposition"] = 'attachment; filename="workflow.json"'
    return response  # type: ignore[return-value]


def _lines(workflow: Any, mine: QuerySet[Any], *, with_data: bool) -> Iterator[str]:
    """Write an object: the workflow's own columns, then a list for each part.

    Last come the names of the parts that end before their end.
    """
    cut: list[str] = []
    yield "{"
    for name, value in _own(workflow, mine, with_data=with_data).items():
        yield f"{json.dumps(name)}: {_json(value)},\n"
    for number, name in enumerate(PARTS):
        yield f"{',' if number else ''}\n{json.dumps(name)}: ["
        for place, row in enumerate(_rows(workflow, name, mine, with_data=with_data)):
            yield f"{',' if place else ''}\n{_json(row)}"
        yield "]"
        if getattr(workflow, name).order_by()[MOST_ROWS : MOST_ROWS + 1].exists():
            cut.append(name)
    yield f',\n"cut": {json.dumps(cut)}}}\n'


def _own(workflow: Any, mine: QuerySet[Any], *, with_data: bool) -> dict[str, Any]:
    found = {name: getattr(workflow, name) for name in COLUMNS}
    ids = {found[name] for name in RELATED} - {None}
    seen = mine.filter(pk__in=ids).values_list("pk", flat=True) if ids else ()
    hidden = hidden_ids(workflow._state.db, ids, seen)
    found |= {name: HIDDEN for name in RELATED if found[name] in hidden}
    if with_data:
        for name in PAYLOADS:
            found[name] = own_text(getattr(workflow, name), workflow.name, name)
    return found


def _rows(
    workflow: Any, part: str, mine: QuerySet[Any], *, with_data: bool
) -> Iterable[dict[str, Any]]:
    order, columns, values = PARTS[part]
    shown = (*columns, *values) if with_data else columns
    rows, other = getattr(workflow, part).order_by(*order), OTHERS.get(part)
    if other:
        rows = rows.annotate(other=named(mine, other))
        shown = (*shown, "other")
    for row in rows.values(*shown)[:MOST_ROWS].iterator(chunk_size=CHUNK):
        if other:
            row[other] = row.pop("other")
        for name in values if with_data else ():
            step = None if part == "attempts" else row.get("name", "")
            at = row["key"] if part == "events" else ""
            row[name] = part_text(row[name], workflow.name, name, step=step, at=at)
        yield row


def _json(value: Any) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)
