"""What pages ask for while they are open: numbers as JSON, for whoever may see them."""

import json
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Any
from urllib.parse import quote

from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse

from django_durable import clock, conf
from django_durable.admin import dashboard
from django_durable.admin.badges import CLASSES, ICONS
from django_durable.admin.figures import condition
from django_durable.admin.figures.ages import age
from django_durable.admin.figures.condition import alarm_texts, missing_migrations
from django_durable.admin.figures.overview import Overview
from django_durable.admin.payloads import COLUMNS
from django_durable.display import visible
from django_durable.models import Step
from django_durable.models.ids import may_exist
from django_durable.models.status import TERMINAL, Status

MOST_ROWS = 200
BETWEEN = "\n"  # No id has it.
# Some servers refuse a request whose first line has more than 4,094 bytes.
LONGEST_ADDRESS = 4000


def status(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Answer with the numbers of the dashboard."""
    return _overview(request, dashboard.figures, dashboard.version)


def queues(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Answer with the numbers of the page of the queues."""
    return _overview(
        request, lambda _, found: dashboard.queue_figures(found), dashboard.queue_names
    )


def _overview(
    request: HttpRequest,
    figures: Callable[[HttpRequest, Overview], dict[str, str]],
    version: Callable[[Overview], str],
) -> HttpResponse:
    found = Overview(conf.current().database)
    if found.missing_migrations:
        alarms = alarm_texts(found.missing_migrations, None)
        return answer(request, {"alarm": "".join(alarms)})
    return answer(
        request,
        {
            "figures": figures(request, found),
            "version": version(found),
            "alarm": "".join(dashboard.alarms(found)),
        },
    )


def rows_address(request: HttpRequest, shown: Iterable[Any]) -> str:
    """Return where to ask for the rows of a list: first those that will change.

    As many as an address has room for.
    """
    address = dashboard.address(request, "api_rows") + "?ids="
    for row in sorted(shown, key=lambda row: row.status in TERMINAL):
        longer = f"{address}{quote(row.pk, safe='')}{quote(BETWEEN)}"
        if len(longer) > LONGEST_ADDRESS:
            break
        address = longer
    return address


def rows(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Answer with where the workflows of ``ids`` stand."""
    alarms = condition.alarms(conf.current().database)
    given = BETWEEN.join(request.GET.getlist("ids")).split(BETWEEN)
    ids = [pk for pk in given if pk and may_exist(pk)][:MOST_ROWS]
    is_ready = ids and not missing_migrations(conf.current().database)
    found = _seen(model_admin, request, ids) if is_ready else []
    now = clock.now()
    shown = {each.pk: cells(each, now) for each in found}
    return answer(request, {"rows": shown, "alarm": "".join(alarms)})


def workflow(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Answer with where one workflow stands, and whether its page has more to show."""
    alarm = "".join(condition.alarms(conf.current().database))
    if missing_migrations(conf.current().database):
        return answer(request, {"alarm": alarm})
    pk = unquote(object_id)
    found = _seen(model_admin, request, [pk] if may_exist(pk) else [])
    if not found:
        return answer(request, {"rows": {}, "version": "gone", "alarm": alarm})
    (row,) = found
    shown = {row.pk: cells(row, clock.now())}
    return answer(request, {"rows": shown, "version": version_of(row), "alarm": alarm})


def _seen(model_admin: Any, request: HttpRequest, ids: list[str]) -> list[Any]:
    """Return those that this user may see, without what pages do not refresh."""
    rows = model_admin.get_queryset(request).filter(pk__in=ids)
    return [
        row
        for row in rows.defer(*COLUMNS)
        if model_admin.has_view_permission(request, row)
    ]


def version_of(row: Any) -> str:
    """Return what changes whenever the page of a workflow has something new."""
    steps = Step.objects.using(row._state.db).filter(workflow_id=row.pk)
    last = steps.order_by("-completed_at").values_list("completed_at", flat=True)
    return f"{row.status} {row.changed_at.isoformat()} {last.first() or ''}"


def cells(row: Any, now: Any) -> dict[str, Any]:
    """Return what of a workflow changes while somebody looks."""
    known = row.status in Status
    return {
        "status": {
            "kind": CLASSES.get(row.status, "unknown"),
            "icon": ICONS.get(row.status, "?"),
            "word": str(Status(row.status).label) if known else visible(row.status),
        },
        "summary": visible(row.summary, limit=120, lines=False),
        "took": age(row.started_at, row.completed_at or now),
    }


def answer(request: HttpRequest, found: Mapping[str, Any]) -> HttpResponse:
    """Return JSON that nobody keeps; nothing at all when it is what they have."""
    text = json.dumps(found, sort_keys=True)
    tag = f'"{blake2b(text.encode(), digest_size=12).hexdigest()}"'
    known = request.headers.get("If-None-Match", "")
    same = tag in [part.strip().removeprefix("W/") for part in known.split(",")]
    response = HttpResponseNotModified() if same else JsonResponse(dict(found))
    response["ETag"] = tag
    return response
