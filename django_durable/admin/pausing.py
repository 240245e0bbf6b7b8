"""The pages that ask before a queue is paused, and before it goes on."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from django_durable.admin import confirming, dashboard, one_queue
from django_durable.admin.deeds import Deed, answered
from django_durable.admin.holds import pause_text
from django_durable.admin.seen import SeenForm
from django_durable.models import Queue

# Where the bulk actions of the console run.
OF_BULK_ACTIONS = "default"


def pause(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Ask before workers take nothing more from the queue ``?queue=``; then do it."""
    name = one_queue.asked_queue(request)
    consequences = [
        _("Workers take nothing from it: nothing new, and nothing that is to go on."),
        _("What is being executed goes on until it suspends or ends."),
        _("What is started into it waits there, and so does what is woken."),
    ]
    if name == OF_BULK_ACTIONS:
        consequences.append(_("Bulk actions of these pages run in it: they wait, too."))
    question = confirming.Question(
        title=_("Pause the queue %s?") % one_queue.shown(name),
        about=one_queue.about(name),
        button=_("Pause"),
        back=dashboard.address(request, "queues"),
        consequences=consequences,
        remains=[_("Deadlines do not stand still: what is too late is cancelled.")],
        details=one_queue.DETAILS,
        facts=one_queue.facts(name),
    )

    return ask_to_pause(model_admin, request, question, one_queue.rows(), Queue(name))


def resume(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Ask before workers take from the queue ``?queue=`` again; then do it."""
    name = one_queue.asked_queue(request)
    question = confirming.Question(
        title=_("Resume the queue %s?") % one_queue.shown(name),
        about=one_queue.about(name),
        button=_("Resume"),
        back=dashboard.address(request, "queues"),
        consequences=[_("Workers that are free begin at once with what is ready.")],
        remains=[_("What has begun is not called back by another pause.")],
        details=one_queue.DETAILS,
        facts=one_queue.facts(name),
    )

    return ask_to_resume(model_admin, request, question, one_queue.rows(), Queue(name))


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
