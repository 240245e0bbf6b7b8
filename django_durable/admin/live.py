"""What pages ask for while they are open: numbers as JSON, for whoever may see them."""

import json
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse

from django_durable import clock, conf
from django_durable.admin import dashboard
from django_durable.admin.badges import CLASSES, ICONS
from django_durable.admin.figures import condition
from django_durable.admin.figures.ages import age
from django_durable.admin.figures.condition import alarm_texts, missing_migrations
from django_durable.admin.figures.overview import Overview
from django_durable.display import visible
from django_durable.models import Step
from django_durable.models.ids import may_exist
from django_durable.models.status import Status

MOST_ROWS = 200


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


def rows(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Answer with where the workflows of ``ids`` stand."""
    alarms = condition.alarms(conf.current().database)
    ids = [pk for pk in request.GET.getlist("ids") if may_exist(pk)][:MOST_ROWS]
    is_ready = ids and not missing_migrations(conf.current().database)
    found = model_admin.get_queryset(request).filter(pk__in=ids) if is_ready else ()
    now = clock.now()
    shown = {each.pk: cells(each, now) for each in found}
    return answer(request, {"rows": shown, "alarm": "".join(alarms)})


def workflow(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Answer with where one workflow stands, and whether its page has more to show."""
    alarm = "".join(condition.alarms(conf.current().database))
    if missing_migrations(conf.current().database):
        return answer(request, {"alarm": alarm})
    row = model_admin.get_object(request, unquote(object_id))
    if row is None:
        return answer(request, {"rows": {}, "version": "gone", "alarm": alarm})
    shown = {row.pk: cells(row, clock.now())}
    return answer(request, {"rows": shown, "version": version_of(row), "alarm": alarm})


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
