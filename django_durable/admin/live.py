"""What pages ask for while they are open: numbers as JSON, for whoever may see them."""

from collections.abc import Callable
from typing import Any

from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse

from django_durable import conf
from django_durable.admin import dashboard, prospects, stranded
from django_durable.admin.badges import status_parts, stranded_parts
from django_durable.admin.detail.facts import facts
from django_durable.admin.figures import condition
from django_durable.admin.figures.overview import Overview
from django_durable.admin.holds import held_up
from django_durable.admin.listing import columns, news
from django_durable.admin.pages import answer
from django_durable.admin.queues import cells as queue_cells
from django_durable.display import visible
from django_durable.models import Step
from django_durable.models.ids import may_exist
from django_durable.models.workflow import PAYLOADS

MOST_ROWS = 200


def status(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Answer with the numbers of the dashboard."""
    mine = model_admin.get_queryset(request)
    found = Overview(conf.current().database, mine)
    return _overview(request, found, dashboard.figures, dashboard.version)


def queues(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Answer with the numbers of the page of the queues."""
    return _overview(
        request,
        Overview(conf.current().database),
        lambda _, found: queue_cells.figures(found),
        dashboard.queue_names,
    )


def _overview(
    request: HttpRequest,
    found: Overview,
    figures: Callable[[HttpRequest, Overview], dict[str, str]],
    version: Callable[[Overview], str],
) -> HttpResponse:
    return answer(
        request,
        {
            "figures": figures(request, found),
            "version": version(found),
            "alarm": "".join(dashboard.alarms(found)),
        },
    )


def rows(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Answer with where the workflows of ``ids`` stand, and how many are new."""
    alarm = "".join(condition.alarms(conf.current().database))
    ids = asked_ids(request)
    found = _listed(model_admin, request, ids) if ids else []
    shown = {each.pk: {**cells(each), **columns.texts(each)} for each in found}
    return answer(
        request,
        {"rows": shown, "alarm": alarm, "news": news.of_list(model_admin, request)},
    )


def asked_ids(request: HttpRequest) -> list[str]:
    """Return which rows the page shows, as it says itself."""
    return [pk for pk in news.given_ids(request) if may_exist(pk)][:MOST_ROWS]


def _listed(model_admin: Any, request: HttpRequest, ids: list[str]) -> list[Any]:
    mine = model_admin.get_queryset(request)
    rows = columns.following(mine.filter(pk__in=ids), mine)
    shown = prospects.mark(
        row for row in rows if model_admin.has_view_permission(request, row)
    )
    with_data = model_admin.has_view_data_permission(request)
    columns.tell_errors(shown, news.moment(request), with_data=with_data)
    return shown


def workflow(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Answer with where one workflow stands, and whether its page has more to show."""
    alarm = "".join(condition.alarms(conf.current().database))
    pk = unquote(object_id)
    found = _seen(model_admin, request, [pk] if may_exist(pk) else [])
    if not found:
        return answer(request, {"rows": {}, "version": "gone", "alarm": alarm})
    (row,) = stranded.mark(found)
    shown = {row.pk: {**cells(row), **facts(row), "held_up": held_up(row)}}
    return answer(request, {"rows": shown, "version": version_of(row), "alarm": alarm})


def _seen(model_admin: Any, request: HttpRequest, ids: list[str]) -> list[Any]:
    """Return those that this user may see, without what pages do not refresh."""
    rows = model_admin.get_queryset(request).filter(pk__in=ids)
    return [
        row
        for row in rows.defer(*PAYLOADS)
        if model_admin.has_view_permission(request, row)
    ]


def version_of(row: Any) -> str:
    """Return what changes whenever the page of a workflow has something new."""
    steps = Step.objects.using(row._state.db).filter(workflow_id=row.pk)
    last = steps.order_by("-completed_at").values_list("completed_at", flat=True)
    return f"{row.status} {row.changed_at.isoformat()} {last.first() or ''}"


def cells(row: Any) -> dict[str, Any]:
    """Return the badges of a workflow, and what it says of itself."""
    is_stranded = getattr(row, "is_stranded", False)
    return {
        "status": shown_badge(**status_parts(row)),
        "stranded": shown_badge(**stranded_parts()) if is_stranded else "",
        "summary": visible(row.summary, limit=500, lines=False),
    }


def shown_badge(kind: str, icon: str, word: object) -> dict[str, str]:
    """Return a badge as live.js makes it."""
    return {"kind": kind, "icon": icon, "word": visible(word, limit=64, lines=False)}
