"""The page of the schedules, and the page of one of them."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from django_durable import clock, conf
from django_durable.admin import audit, dashboard
from django_durable.admin.figures import condition
from django_durable.admin.listing.counts import CappedPaginator
from django_durable.admin.pages import answer, gone, render
from django_durable.admin.payloads import Payload, inputs_payload
from django_durable.admin.schedules.moments import zone_of
from django_durable.admin.schedules.rows import (
    Shown,
    about,
    address,
    asked,
    named,
    rows,
    tools,
)
from django_durable.admin.schedules.ticks import last_ticks, outcomes, seen_workflows
from django_durable.models import Schedule, Worker

LIST = "admin/django_durable/console/schedules.html"
ONE = "admin/django_durable/console/schedule.html"
PER_PAGE = 50
DOTS, TICKS = 10, 25
NEXT, NEXT_OF_ONE = 2, 5


def page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Show the schedules, with their next ticks and their last ones."""
    found = _page(request)
    shown_rows = _shown(model_admin, request, list(found), DOTS, NEXT)
    context = {
        "title": _("Schedules"),
        "schedules": [(each, *_links(request, each)) for each in shown_rows],
        "page": found,
        "live_address": dashboard.address(request, "api_schedules")
        + f"?p={found.number}",
        "live_version": version(shown_rows),
    }
    return render(model_admin, request, LIST, context)


def one(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Show the schedule ``?schedule=``: when it comes, what it did, who did what."""
    row = asked(request)
    (found,) = _shown(model_admin, request, [row], TICKS, NEXT_OF_ONE)
    context = {
        "title": about(row),
        "about": about(row),
        "schedule": found,
        "tools": tools(request, found),
        "workflows": dashboard.listing(request, schedule=row.name),
        "inputs": _inputs(model_admin, request, found),
        "history": {"entries": audit.entries_of(Schedule, row.pk)},
        "live_address": address(request, "api_schedules", row.name),
        "live_version": version([found]),
    }
    return render(model_admin, request, ONE, context)


def follow(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Answer with how the schedules of a page are, or the one that is named."""
    alarm = "".join(condition.alarms(conf.current().database))
    if "schedule" in request.GET:
        row = named(request)
        if row is None:
            return gone(alarm=alarm)
        found = _shown(model_admin, request, [row], TICKS, NEXT_OF_ONE)
    else:
        found = _shown(model_admin, request, list(_page(request)), DOTS, NEXT)
    figures = {name: text for each in found for name, text in each.figures.items()}
    return answer(
        request, {"figures": figures, "version": version(found), "alarm": alarm}
    )


def version(found: Sequence[Shown]) -> str:
    """Return what changes when a page has more to show."""
    return dashboard.fingerprint(each.version for each in found)


def _page(request: HttpRequest) -> Any:
    pages = CappedPaginator(rows().order_by("name"), PER_PAGE)
    return pages.get_page(request.GET.get("p"))


def _shown(
    model_admin: Any, request: HttpRequest, found: Sequence[Any], most: int, number: int
) -> list[Shown]:
    """Return schedules with all that is shown of them, in at most three statements."""
    using, now = conf.current().database, clock.now()
    ticks = last_ticks(using, [row.name for row in found], most)
    all_ticks = [tick for some in ticks.values() for tick in some]
    seen = seen_workflows(model_admin, request, all_ticks)
    live = Worker.objects.using(using).live_schedules() if found else set()
    return [
        Shown(
            *(row, now),
            outcomes(model_admin, ticks.get(row.name, []), seen, zone_of(row)),
            *(row.name in live, number),
        )
        for row in found
    ]


def _inputs(model_admin: Any, request: HttpRequest, found: Shown) -> Payload | None:
    """Return what workflows are started with, for those who may see it of them all.

    A project decides by the workflow: by that of the last tick. Where there is none,
    only those see it from whom nothing is hidden.
    """
    row = found.row
    if any(outcome.is_hidden for outcome in found.outcomes):
        return None
    seen = (each.workflow for each in found.outcomes if each.workflow is not None)
    workflow = next(seen, None)
    if workflow is None and not request.user.is_superuser:
        return None
    if not model_admin.has_view_data_permission(request, workflow):
        return None
    return inputs_payload(row.inputs, row.workflow_name)


def _links(request: HttpRequest, each: Shown) -> tuple[str, list[tuple[str, str]]]:
    return address(request, "schedule", each.row.name), tools(request, each)
