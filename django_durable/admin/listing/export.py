"""The list as a file: CSV for tables, JSON for programs."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.serializers.json import DjangoJSONEncoder
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    StreamingHttpResponse,
)

from django_durable import clock
from django_durable.admin.listing.filters import PARAMETERS
from django_durable.admin.listing.strict import parameters_of
from django_durable.admin.others import named
from django_durable.admin.payloads import own_text
from django_durable.bulk.narrowing import narrow
from django_durable.models.workflow import PAYLOADS

MOST_ROWS = 10_000
# Says at which row a file ends, where there are more.
CUT = "X-Durable-Cut-At"
CHUNK = 500
COLUMNS = (
    "id",
    "name",
    "version",
    "status",
    "queue_name",
    "priority",
    "summary",
    "pause_reason",
    "cancel_reason",
    "recovery_attempts",
    "parent_id",
    "forked_from_id",
    "subject_type",
    "subject_id",
    "attributes",
    "seconds_queued",
    "seconds_ran",
    "seconds_waited",
    "created_at",
    "started_at",
    "completed_at",
)
# Of the columns, those that name other workflows.
RELATED = ("parent_id", "forked_from_id")
# A spreadsheet takes text that begins so for a formula.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def export(model_admin: Any, request: HttpRequest, form: str) -> HttpResponse:
    """Answer with what the list would show, at most ``MOST_ROWS`` of it.

    The header ``CUT`` says when that is not all.
    """
    with_data = model_admin.has_view_data_permission(request)
    try:
        params = parameters_of(request, PARAMETERS)
    except IncorrectLookupParameters:
        return HttpResponseBadRequest("These filters do not exist.")
    mine = model_admin.get_queryset(request)
    rows = narrow(mine, params, now=clock.now(), with_data=with_data)
    names = (*COLUMNS, *PAYLOADS) if with_data else COLUMNS
    shown = {f"shown_{name}": named(mine, name) for name in RELATED}
    chosen = rows.order_by("-created_at", "-pk").annotate(**shown)
    found = chosen.values(*names, *shown)[:MOST_ROWS]
    content_type, write = WRITERS[form]
    lines = write(names, map(_readable, found.iterator(chunk_size=CHUNK)))
    response = StreamingHttpResponse(lines, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="workflows.{form}"'
    if rows.order_by()[MOST_ROWS : MOST_ROWS + 1].exists():
        response[CUT] = str(MOST_ROWS)
    return response  # type: ignore[return-value]


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    """Write values as the console shows them: decoded where that is possible."""
    for name in RELATED:
        row[name] = row.pop(f"shown_{name}")
    for name in PAYLOADS:
        if name in row:
            row[name] = own_text(row[name], row["name"], name)
    return row


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text


def csv_lines(names: Iterable[str], rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield lines of CSV in which no cell is a formula."""
    writer = csv.writer(_Echo())
    names = list(names)
    yield "\ufeff" + writer.writerow(names)
    for row in rows:
        yield writer.writerow([cell(row[name]) for name in names])


def json_lines(names: Iterable[str], rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield one JSON array, a row at a time."""
    opening = "[\n"
    for row in rows:
        yield opening + json.dumps(row, cls=DjangoJSONEncoder)
        opening = ",\n"
    yield "[]" if opening == "[\n" else "\n]\n"


def cell(value: Any) -> str:
    """Return a value as text that no spreadsheet calculates."""
    if value is None:
        return ""
    if isinstance(value, dict):
        value = json.dumps(value, cls=DjangoJSONEncoder)
    if isinstance(value, (int, float)):
        return str(value)
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return f"'{text}" if text.startswith(_FORMULAS) else text


Writer = Callable[[Iterable[str], Iterable[dict[str, Any]]], Iterator[str]]
WRITERS: dict[str, tuple[str, Writer]] = {
    "csv": ("text/csv; charset=utf-8", csv_lines),
    "json": ("application/json", json_lines),
}


def export_csv(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Answer with CSV."""
    return export(model_admin, request, "csv")


def export_json(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Answer with JSON."""
    return export(model_admin, request, "json")
