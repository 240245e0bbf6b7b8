"""The pages that ask before a schedule is paused, goes on, or is run by hand."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from django_durable import clock
from django_durable.admin import confirming, dashboard, pausing
from django_durable.admin.deeds import Deed, answered
from django_durable.admin.listing.news import moment_of
from django_durable.admin.schedules.moments import (
    Moment,
    moment_in,
    timetable_of,
    zone_of,
)
from django_durable.admin.schedules.rows import (
    about,
    address,
    asked,
    facts,
    refused,
    rows,
    title_of,
)
from django_durable.admin.seen import SeenForm
from django_durable.client.schedules import run_schedule
from django_durable.models import Schedule, Tick, Worker

# More than the clocks of two web servers differ.
LATELY = timedelta(hours=1)


def pause(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Ask before the schedule ``?schedule=`` starts nothing more; then do it."""
    row = asked(request)
    question = confirming.Question(
        title=_("Pause the schedule %s?") % title_of(row),
        about=about(row),
        button=_("Pause"),
        back=address(request, "schedule", row.name),
        consequences=[
            _("It starts nothing by itself until it is resumed."),
            _("What it has started goes on."),
            _("It can be run by hand meanwhile, and backfilled."),
        ],
        remains=[_("What would have come meanwhile is not made up for by itself.")],
        details=confirming.HISTORY,
        facts=facts(row),
    )
    return pausing.ask_to_pause(model_admin, request, question, rows(), row)


def resume(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Ask before the schedule ``?schedule=`` goes on; then do it."""
    row = asked(request)
    question = confirming.Question(
        title=_("Resume the schedule %s?") % title_of(row),
        about=about(row),
        button=_("Resume"),
        back=address(request, "schedule", row.name),
        consequences=[_("It goes on with its next tick: %s.") % _next(row)],
        remains=[
            _("What would have come during the pause is not made up for by itself:"),
            _("“Backfill…” starts it, where that is wanted."),
        ],
        details=confirming.HISTORY,
        facts=facts(row),
    )
    if refusal := refused(model_admin, request, row):
        return refusal
    return pausing.ask_to_resume(model_admin, request, question, rows(), row)


def run(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Ask before the workflow of the schedule ``?schedule=`` is started; then do it."""
    row = asked(request)
    question = confirming.Question(
        title=_("Run the schedule %s now?") % title_of(row),
        about=about(row),
        button=_("Run now"),
        back=address(request, "schedule", row.name),
        consequences=[
            _("A workflow is started as by a tick of this moment."),
            _("That is so while the last one runs, and while it is paused, too."),
            _("The next tick comes when it would have come."),
        ],
        remains=[_("What its steps have done stays done.")],
        details=confirming.HISTORY,
        facts=facts(row),
    )
    if refusal := refused(model_admin, request, row):
        return refusal
    form = SeenForm(request.POST or None, initial={"seen": _seen(row, _lately())})

    def perform(given: Mapping[str, Any]) -> Deed:
        return _run(row.name, form)

    return answered(model_admin, request, question, form, perform)


def delete(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Ask before the schedule ``?schedule=`` is deleted; then do it."""
    row = asked(request)
    question = confirming.Question(
        title=_("Delete the schedule %s?") % title_of(row),
        about=about(row),
        button=_("Delete"),
        back=dashboard.address(request, "schedules"),
        consequences=[
            _("It is no longer here, and starts nothing any more."),
            _("What it has started stays, and goes on."),
            _("A worker whose code declares it makes it anew when it starts."),
            *_unknown(),
        ],
        remains=[_("Which tick has started what is deleted with it.")],
        details=confirming.HISTORY,
        facts=facts(row),
        is_dangerous=True,
    )

    def perform(given: Mapping[str, Any]) -> Deed:
        return _delete(row.name)

    form = confirming.ReasonForm(request.POST or None)
    return answered(model_admin, request, question, form, perform)


def _delete(name: str) -> Deed:
    """Delete it, unless a worker lives that would go on as if it were there."""
    workers = Worker.objects.using(rows().db)
    with rows().locked(name) as row:
        if name in workers.live_schedules():
            raise ValidationError(_("A living worker declares it: it stays."))
        rows().forget(name)
    return Deed("delete", row, _("It was deleted."))


def _unknown() -> list[str]:
    """Say that nobody can tell whether code declares it still."""
    if Worker.objects.using(rows().db).live().exists():
        return []
    return [_("No worker lives now: whether their code declares it is not known.")]


def _run(name: str, form: SeenForm) -> Deed:
    """Run it, unless somebody has since the page was shown: a double click has."""
    seen = form.cleaned_data["seen"]
    begin = moment_of(seen.partition(" ")[0])
    with rows().locked(name) as row:
        if begin is None:
            text = _("Look at the page again before you answer.")
            form.ask_again(_seen(row, _lately()), text)
        last = last_by_hand(row, begin)
        if last is not None and _seen(row, begin) != seen:
            text = _("Meanwhile it was run: %s. Once more?")
            form.ask_again(_seen(row, _lately()), text % last)
        handle = run_schedule(name)
        by_hand = row.ticks.filter(kind=Tick.Kind.HAND)
        at = by_hand.get(workflow=handle.workflow_id).scheduled_at
    # Not the workflow's id: some who read this may not see that workflow.
    text = _("It was run for the moment %s.") % moment_in(zone_of(row), at)
    return Deed("run", row, text)


def last_by_hand(row: Schedule, since: datetime) -> Moment | None:
    """Return when it was last run by hand, if that was later than a moment."""
    # As many ticks are passed over as have come since then.
    later = row.ticks.filter(kind=Tick.Kind.HAND, scheduled_at__gt=since)
    at = later.order_by("-scheduled_at").values_list("scheduled_at", flat=True).first()
    return moment_in(zone_of(row), at) if at is not None else None


def _seen(row: Schedule, begin: datetime) -> str:
    """Return from when on the page has looked for a run by hand, and which it saw."""
    last = last_by_hand(row, begin)
    return f"{begin.isoformat()} {last.iso if last is not None else ''}".strip()


def _lately() -> datetime:
    """Return a moment before which the page could not have been answered twice."""
    return clock.now() - LATELY


def _next(row: Schedule) -> Moment | str:
    table = timetable_of(row)
    if table is None:
        return "–"
    return moment_in(table.zone, table.next_after(clock.now()))
