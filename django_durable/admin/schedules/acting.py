"""The pages that ask before a schedule is paused, goes on, or is run by hand."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from django_durable import clock
from django_durable.admin import confirming, dashboard, one_queue, pausing
from django_durable.admin.deeds import Deed, answered
from django_durable.admin.schedules.moments import (
    Moment,
    moment_in,
    timetable_of,
    zone_of,
)
from django_durable.admin.schedules.rows import address, asked, facts, rows, title_of
from django_durable.admin.seen import SeenForm
from django_durable.client.schedules import run_schedule
from django_durable.models import Schedule, Tick, faults


def pause(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Ask before the schedule ``?schedule=`` starts nothing more; then do it."""
    row = asked(request)
    question = confirming.Question(
        title=_("Pause the schedule %s?") % title_of(row),
        button=_("Pause"),
        back=address(request, "schedule", row.name),
        consequences=[
            _("It starts nothing by itself until it is resumed."),
            _("What it has started goes on."),
            _("It can be run by hand meanwhile, and backfilled."),
        ],
        remains=[_("What would have come meanwhile is not made up for by itself.")],
        details=one_queue.DETAILS,
        facts=facts(row),
    )
    return pausing.ask_to_pause(model_admin, request, question, rows(), row)


def resume(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Ask before the schedule ``?schedule=`` goes on; then do it."""
    row = asked(request)
    question = confirming.Question(
        title=_("Resume the schedule %s?") % title_of(row),
        button=_("Resume"),
        back=address(request, "schedule", row.name),
        consequences=[_("It goes on with its next tick: %s.") % _next(row)],
        remains=[
            _("What would have come during the pause is not made up for by itself:"),
            _("“Backfill…” starts it, where that is wanted."),
        ],
        details=one_queue.DETAILS,
        facts=facts(row),
    )
    return pausing.ask_to_resume(model_admin, request, question, rows(), row)


def run(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Ask before the workflow of the schedule ``?schedule=`` is started; then do it."""
    row = asked(request)
    question = confirming.Question(
        title=_("Run the schedule %s now?") % title_of(row),
        button=_("Run now"),
        back=address(request, "schedule", row.name),
        consequences=[
            _("A workflow is started as by a tick of this moment."),
            _("That is so while the last one runs, and while it is paused, too."),
            _("The next tick comes when it would have come."),
        ],
        remains=[_("What its steps have done stays done.")],
        details=one_queue.DETAILS,
        facts=facts(row),
    )
    form = SeenForm(request.POST or None, initial={"seen": _seen(_last_run(row))})

    def perform(given: Mapping[str, Any]) -> Deed:
        return faults.retry_conflicts(rows().db, lambda: _run(row.name, form))

    return answered(model_admin, request, question, form, perform)


def delete(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Ask before the schedule ``?schedule=`` is deleted; then do it."""
    row = asked(request)
    question = confirming.Question(
        title=_("Delete the schedule %s?") % title_of(row),
        button=_("Delete"),
        back=dashboard.address(request, "schedules"),
        consequences=[
            _("It is no longer here, and starts nothing any more."),
            _("What it has started stays, and goes on."),
            _("A worker whose code declares it makes it anew when it starts."),
        ],
        remains=[_("Which tick has started what is deleted with it.")],
        details=one_queue.DETAILS,
        facts=facts(row),
        is_dangerous=True,
    )

    def perform(given: Mapping[str, Any]) -> Deed:
        rows().forget(row.name)
        return Deed("delete", row, _("It was deleted."))

    form = confirming.ReasonForm(request.POST or None)
    return answered(model_admin, request, question, form, perform)


def _run(name: str, form: SeenForm) -> Deed:
    """Run it, unless somebody has since the page was shown: a double click has."""
    with rows().locked(name) as row:
        last = _last_run(row)
        text = _("Meanwhile it was run: %s. Once more?")
        form.compare(_seen(last), text % last)
        handle = run_schedule(name)
    return Deed("run", row, _("It was started as %s.") % handle.workflow_id)


def _last_run(row: Schedule) -> Moment | None:
    """Return when it was last run by hand."""
    by_hand = row.ticks.filter(kind=Tick.Kind.HAND).order_by("-scheduled_at")
    at = by_hand.values_list("scheduled_at", flat=True).first()
    return moment_in(zone_of(row), at) if at is not None else None


def _seen(last: Moment | None) -> str:
    return last.iso if last is not None else ""


def _next(row: Schedule) -> Moment | str:
    table = timetable_of(row)
    if table is None:
        return "–"
    return moment_in(table.zone, table.next_after(clock.now()))
