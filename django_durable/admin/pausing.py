"""What asks before a queue or a schedule is paused, and before it goes on."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from django_durable.admin import confirming
from django_durable.admin.deeds import Deed, answered
from django_durable.admin.holds import pause_text
from django_durable.admin.seen import SeenForm


def ask_to_pause(
    model_admin: Any,
    request: HttpRequest,
    question: confirming.Question,
    rows: Any,
    row: Any,
) -> HttpResponse:
    """Ask before something is paused by a method of ``rows``; then do it."""

    def perform(given: Mapping[str, Any]) -> Deed:
        took = rows.pause(row.pk, given["reason"], request.user.get_username())
        text = _("It is paused.") if took else _("It was paused already.")
        return Deed("pause", row, text, took)

    form = confirming.ReasonForm(request.POST or None)
    return answered(model_admin, request, question, form, perform)


def ask_to_resume(
    model_admin: Any,
    request: HttpRequest,
    question: confirming.Question,
    rows: Any,
    row: Any,
) -> HttpResponse:
    """Ask before what is paused goes on by a method of ``rows``; then do it.

    Not where somebody has paused it anew since the page was shown.
    """
    shown = rows.filter(pk=row.pk).first()
    form = SeenForm(request.POST or None, initial={"seen": _pause_of(shown)})

    def perform(given: Mapping[str, Any]) -> Deed:
        return _resume(rows, row, form)

    return answered(model_admin, request, question, form, perform)


def _resume(rows: Any, row: Any, form: SeenForm) -> Deed:
    now = rows.select_for_update(no_key=True).filter(pk=row.pk).first()
    if pause := _pause_of(now):
        form.compare(pause, _("Meanwhile: %s.") % pause_text(now))
    took = rows.resume(row.pk)
    text = _("It goes on.") if took else _("It was not paused.")
    return Deed("resume", row, text, took)


def _pause_of(row: Any) -> str:
    """Return which pause of a queue or schedule this is; nothing while it goes on."""
    paused_at = getattr(row, "paused_at", None)
    return paused_at.isoformat() if paused_at is not None else ""
