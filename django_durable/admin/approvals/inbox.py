"""The inbox: all that waits for a person, the next deadline first."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from django_durable import clock, conf
from django_durable.admin import dashboard, stranded
from django_durable.admin.approvals.deciders import Deciders
from django_durable.admin.approvals.questions import Request, workflow_at
from django_durable.admin.figures import condition
from django_durable.admin.figures.overview import MOST_REQUESTS
from django_durable.admin.figures.people import requests_with_workflows
from django_durable.admin.listing import news
from django_durable.admin.listing.counts import CappedPaginator
from django_durable.admin.live import shown_badge
from django_durable.admin.pages import answer, render
from django_durable.models.ids import may_exist

TEMPLATE = "admin/django_durable/console/inbox.html"
PER_PAGE = 50


class InboxPaginator(CappedPaginator):
    """Pages of the first questions only."""

    most = MOST_REQUESTS
    counted = "step_id"


def page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Show who is asked what, since when, and until when."""
    now = clock.now()
    pages = InboxPaginator(_open(model_admin, request, now), PER_PAGE)
    shown = pages.get_page(request.GET.get("p"))
    seen = _seen(model_admin, request, shown)
    stranded.mark(wait.workflow for wait in seen)
    deciders = Deciders(model_admin, request, seen)
    asked = [Request(wait, now, deciders.of(wait)) for wait in seen]
    is_first = shown.number == 1
    query = news.address([each.place for each in asked], {} if is_first else None)
    context = {
        "title": _("Waiting for a person"),
        "page": shown,
        "requests": asked,
        "is_capped": shown.paginator.count >= MOST_REQUESTS,
        "may_answer": any(each.who.is_you for each in asked if each.who),
        "live_address": f"{dashboard.address(request, 'api_approvals')}?{query}",
    }
    return render(model_admin, request, TEMPLATE, context)


def follow(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Answer with which of the questions of ``ids`` are open, and how many are new."""
    now = clock.now()
    places = news.given_ids(request)[:PER_PAGE]
    workflows = {pk for pk in map(workflow_at, places) if may_exist(pk)}
    rows = _open(model_admin, request, now)
    asked = _seen(model_admin, request, rows.filter(workflow_id__in=workflows))
    found = [Request(wait, now) for wait in asked]
    still = {each.place: _cells(each) for each in found}
    return answer(
        request,
        {
            "rows": {place: still.get(place, _gone()) for place in places},
            "news": _news(model_admin, request, rows, now),
            "alarm": "".join(condition.alarms(conf.current().database)),
        },
    )


def _open(model_admin: Any, request: HttpRequest, now: datetime) -> Any:
    """Return the waits of the workflows that exist for this user."""
    mine = model_admin.get_queryset(request)
    rows = requests_with_workflows(conf.current().database, now)
    return rows.filter(workflow__in=mine)


def _seen(model_admin: Any, request: HttpRequest, waits: Any) -> list[Any]:
    return [
        wait
        for wait in waits
        if model_admin.has_view_permission(request, wait.workflow)
    ]


def _cells(asked: Request) -> dict[str, Any]:
    return {"state": "", "since": asked.since, "left": asked.remaining}


def _gone() -> dict[str, Any]:
    return {"state": shown_badge("cancelled", "⊘", _("no longer waits")), "left": ""}


def _news(model_admin: Any, request: HttpRequest, rows: Any, now: datetime) -> str:
    since = news.moment(request)
    if since is None:
        return ""
    seen = _seen(model_admin, request, rows[:PER_PAGE])
    first = [Request(wait, now) for wait in seen]
    places = [(each.place, each.workflow.changed_at) for each in first]
    return news.counted(places, request, since)
