"""The page that asks before it is limited how much workers take from a queue."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _, gettext_lazy

from django_durable import limits
from django_durable.admin import confirming, dashboard
from django_durable.admin.deeds import Deed, answered
from django_durable.admin.holds import limits_text
from django_durable.admin.queues import asked
from django_durable.admin.queues.acting import OF_BULK_ACTIONS
from django_durable.admin.seen import SeenForm
from django_durable.display import visible
from django_durable.limits import Limits
from django_durable.models import Queue


class WholeField(forms.IntegerField):
    """A whole number, in digits alone: ``1.000`` is not one, nor a thousand."""

    def to_python(self, value: Any) -> int | None:
        """Refuse what Django would cut to a number."""
        text = str(value or "").strip()
        if text and not text.lstrip("-").isdecimal():
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(value)


class LimitsForm(SeenForm):
    """All limits of a queue, and why."""

    concurrency = WholeField(
        label=gettext_lazy("At once"),
        required=False,
        min_value=0,
        max_value=limits.MOST,
        help_text=gettext_lazy(
            "So many of its workflows are executed at once, by all workers together."
            " Left empty: any number. 0: none."
        ),
    )
    rate = WholeField(
        label=gettext_lazy("Rate"),
        required=False,
        min_value=1,
        max_value=limits.MOST,
        help_text=gettext_lazy(
            "So many are started in any period. Left empty: any number."
        ),
    )
    period = forms.FloatField(
        label=gettext_lazy("Period in seconds"),
        required=False,
        help_text=gettext_lazy("60 is a minute, 3600 an hour, 86400 a day."),
    )
    field_order = ("concurrency", "rate", "period", "reason")

    def clean_period(self) -> float | None:
        """Refuse a length that no period has."""
        given: float | None = self.cleaned_data["period"]
        try:
            if given is not None:
                limits.checked(rate=1, period=given)
        except ValueError as error:
            raise ValidationError(visible(error, limit=200, lines=False)) from None
        return given

    def clean(self) -> dict[str, Any]:
        """Refuse half of a rate, at the field that is missing."""
        given = super().clean() or self.cleaned_data
        rate, period = given.get("rate"), given.get("period")
        if rate and period is None and "period" not in self.errors:
            self.add_error("period", _("In which time?"))
        if period is not None and rate is None and "rate" not in self.errors:
            self.add_error("rate", _("How many?"))
        return given


def page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Ask how much workers may take from the queue ``?queue=``; then say so."""
    name = asked.asked_queue(request)
    queue = asked.rows().filter(pk=name).first()
    now = Limits() if queue is None else queue.limits
    form = LimitsForm(request.POST or None, initial=_initial(now))

    def perform(given: Mapping[str, Any]) -> Deed:
        return _limit(name, given, form)

    return answered(model_admin, request, _question(request, name), form, perform)


def _question(request: HttpRequest, name: str) -> confirming.Question:
    consequences = [
        _("Workers hear of it at once, and take what the limits leave."),
        _("What is beyond them waits in the queue, in its order."),
        _("Both fields left empty lift all limits."),
    ]
    if name == OF_BULK_ACTIONS:
        consequences.append(
            _("Bulk actions of these pages run in it: they count, too.")
        )
    return confirming.Question(
        title=_("Limit the queue %s?") % asked.shown(name),
        about=asked.about(name),
        button=_("Set the limits"),
        back=dashboard.address(request, "queues"),
        consequences=consequences,
        remains=[
            _("What is being executed goes on, even where that is more by now."),
            _("Deadlines do not stand still: what is too late is cancelled."),
        ],
        details=confirming.HISTORY,
        facts=asked.facts(name),
    )


def _limit(name: str, given: Mapping[str, Any], form: LimitsForm) -> Deed:
    rows = asked.rows()
    wanted = Limits(given["concurrency"], given["rate"], given["period"])
    # So that there is a row to lock: of two at once, the second one sees the first.
    rows.bulk_create([Queue(name=name)], ignore_conflicts=True)
    before = rows.select_for_update(no_key=True).get(pk=name).limits
    if wanted == before:
        text = _("It has these limits already.")
        return Deed("limit", Queue(name), text, took=False)
    text = _("Meanwhile it was set to: %s. Look again before you change that.")
    form.compare(_written(before), text % limits_text(before))
    rows.limit(name, **asdict(wanted))
    return Deed("limit", Queue(name), f"{limits_text(before)} → {limits_text(wanted)}.")


def _initial(now: Limits) -> dict[str, Any]:
    return {
        "concurrency": now.concurrency,
        "rate": now.rate,
        "period": None if now.period is None else f"{now.period:.15g}",
        "seen": _written(now),
    }


def _written(now: Limits) -> str:
    return f"{now.concurrency} {now.rate} {now.period}"
