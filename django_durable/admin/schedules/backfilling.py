"""The pages that ask for a range of time, and before its ticks are made up for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive
from django.utils.translation import gettext as _, gettext_lazy, ngettext

from django_durable import clock
from django_durable.admin import confirming
from django_durable.admin.dashboard import fingerprint
from django_durable.admin.deeds import Deed, answered
from django_durable.admin.pages import render
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
    refused,
    rows,
    title_of,
)
from django_durable.admin.seen import SeenForm
from django_durable.client.schedules import backfill_schedule
from django_durable.display import visible
from django_durable.execution.scheduling import MOST_BACKFILLED
from django_durable.models import Schedule, Tick

RANGE = "admin/django_durable/console/backfill.html"
TICKS = "admin/django_durable/console/backfilled.html"
LONGEST_AGO = timedelta(days=3653)


class MomentField(forms.CharField):
    """A date with a time, as a browser's own field or a person writes it."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"})

    def clean(self, value: Any) -> datetime:
        """Return it, without a time zone where none is given."""
        given = super().clean(value)
        try:
            found = parse_datetime(given)
        except ValueError:
            found = None
        if found is None:
            raise ValidationError(_("Write it like 2026-10-25 02:30."))
        return found


class RangeForm(forms.Form):
    """From when to when, in the time zone of a schedule."""

    start = MomentField(label=gettext_lazy("From"))
    end = MomentField(label=gettext_lazy("To"))

    def __init__(self, row: Schedule, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.row = row
        self.zone = zone_of(row)
        shown = visible(row.time_zone, limit=80, lines=False)
        for field in self.fields.values():
            field.help_text = _("In the time zone %s.") % shown

    def clean_start(self) -> datetime:
        """Return the earlier one of a time that the clocks show twice, or leave out."""
        start = min(_moments(self.cleaned_data["start"], self.zone))
        if start < clock.now() - LONGEST_AGO:
            raise ValidationError(_("At most ten years ago."))
        return start

    def clean_end(self) -> datetime:
        """Return the later one of a time that the clocks show twice, or leave out."""
        end = max(_moments(self.cleaned_data["end"], self.zone))
        if end > clock.now():
            raise ValidationError(_("A backfill is for the past."))
        return end

    def clean(self) -> dict[str, Any]:
        """Refuse what ends before it begins, and what has too many ticks."""
        given = super().clean() or self.cleaned_data
        if self.errors:
            return given
        if given["end"] < given["start"]:
            self.add_error("end", _("Not before the beginning."))
        elif len(moments := self.moments(given)) > MOST_BACKFILLED:
            last = moment_in(self.zone, moments[-2])
            text = _("So many ticks are too many: the first %(most)d end at %(last)s.")
            self.add_error("end", text % {"most": MOST_BACKFILLED, "last": last})
        return given

    def moments(self, given: Mapping[str, Any]) -> list[datetime]:
        """Return the ticks of the range, one more than may be started."""
        table = timetable_of(self.row)
        found = table.between(given["start"], given["end"]) if table else ()
        return list(islice(found, MOST_BACKFILLED + 1))


@dataclass(frozen=True, slots=True)
class Plan:
    """The ticks of a range: to be started, and those that have started one.

    ``skipped`` are those of the first that came, and started nothing.
    """

    new: Sequence[Moment]
    known: Sequence[Moment]
    skipped: Sequence[Moment]

    @property
    def seen(self) -> str:
        """What differs where other ones would be started."""
        return fingerprint(map(str, self.new))


def page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Ask which range of the schedule ``?schedule=`` to make up for; then do it."""
    row = asked(request)
    if refusal := refused(model_admin, request, row):
        return refusal
    form = RangeForm(row, request.GET if "start" in request.GET else None)
    if not form.is_valid():
        return _ask_for_range(model_admin, request, form)
    return _ask(model_admin, request, form)


def _ask_for_range(
    model_admin: Any, request: HttpRequest, form: RangeForm
) -> HttpResponse:
    context = {
        "title": _("Backfill the schedule %s") % title_of(form.row),
        "about": about(form.row),
        "schedule": form.row.name,
        "form": form,
        "most": MOST_BACKFILLED,
        "back": address(request, "schedule", form.row.name),
    }
    return render(model_admin, request, RANGE, context)


def _ask(model_admin: Any, request: HttpRequest, chosen: RangeForm) -> HttpResponse:
    plan = _plan(chosen)
    number = len(plan.new)
    button = ngettext("Start %d workflow", "Start %d workflows", number) % number
    question = confirming.Question(
        title=_("Backfill the schedule %s?") % title_of(chosen.row),
        about=about(chosen.row),
        button=button if number else "",
        back=address(request, "schedule", chosen.row.name),
        consequences=[
            _("Each tick below that has started no workflow starts one at once."),
            _("They run beside each other, whatever the schedule says of overlaps."),
        ],
        remains=[_("What their steps have done stays done.")],
        details=TICKS,
        facts={"plan": plan},
    )
    form = SeenForm(request.POST or None, initial={"seen": plan.seen})

    def perform(given: Mapping[str, Any]) -> Deed:
        return _backfill(chosen, form)

    return answered(model_admin, request, question, form, perform)


def _backfill(chosen: RangeForm, form: SeenForm) -> Deed:
    """Start what the page has shown, and nothing else."""
    with rows().locked(chosen.row.name) as row:
        chosen.row = row
        text = _("Meanwhile other ticks have come: look at them again.")
        form.compare(_plan(chosen).seen, text)
        given = chosen.cleaned_data
        handles = backfill_schedule(row.name, given["start"], given["end"])
    span = [moment_in(chosen.zone, given[name]) for name in ("start", "end")]
    new = sum(bool(handle.created) for handle in handles)
    said = {"new": new, "old": len(handles) - new, "start": span[0], "end": span[1]}
    text = _("Of the ticks from %(start)s to %(end)s, %(new)d were started.")
    if said["old"]:
        text += " " + _("The workflows of %(old)d were there already.")
    return Deed("backfill", row, text % said, bool(handles))


def _plan(chosen: RangeForm) -> Plan:
    moments = chosen.moments(chosen.cleaned_data)
    come = chosen.row.ticks.exclude(kind=Tick.Kind.HAND).filter(
        scheduled_at__in=moments
    )
    known = dict(come.values_list("scheduled_at", "workflow_id"))
    shown = {at: moment_in(chosen.zone, at) for at in moments}
    started = {at for at, workflow_id in known.items() if workflow_id is not None}
    return Plan(
        new=[shown[at] for at in moments if at not in started],
        known=[shown[at] for at in moments if at in started],
        skipped=[shown[at] for at in moments if at in known and at not in started],
    )


def _moments(given: datetime, zone: tzinfo) -> list[datetime]:
    """Return what a time can mean: one that comes twice, or never, two moments.

    Raises ValidationError at the ends of the calendar.
    """
    meant = [given]
    if is_naive(given):
        meant = [given.replace(tzinfo=zone, fold=fold) for fold in (0, 1)]
    try:
        return [each.astimezone(UTC) for each in meant]
    except OverflowError:
        raise ValidationError(_("There is no such moment.")) from None
