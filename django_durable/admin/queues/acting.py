"""The pages that ask before a queue is paused, and before it goes on."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from django_durable.admin import confirming, dashboard, pausing
from django_durable.admin.queues import asked
from django_durable.models import Queue

# Where the bulk actions of the console run.
OF_BULK_ACTIONS = "default"


def pause(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Ask before workers take nothing more from the queue ``?queue=``; then do it."""
    name = asked.asked_queue(request)
    consequences = [
        _("Workers take nothing from it: nothing new, and nothing that is to go on."),
        _("What is being executed goes on until it suspends or ends."),
        _("What is started into it waits there, and so does what is woken."),
    ]
    if name == OF_BULK_ACTIONS:
        consequences.append(_("Bulk actions of these pages run in it: they wait, too."))
    question = confirming.Question(
        title=_("Pause the queue %s?") % asked.shown(name),
        about=asked.about(name),
        button=_("Pause"),
        back=dashboard.address(request, "queues"),
        consequences=consequences,
        remains=[_("Deadlines do not stand still: what is too late is cancelled.")],
        details=confirming.HISTORY,
        facts=asked.facts(name),
    )

    return pausing.ask_to_pause(
        model_admin, request, question, asked.rows(), Queue(name)
    )


def resume(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Ask before workers take from the queue ``?queue=`` again; then do it."""
    name = asked.asked_queue(request)
    question = confirming.Question(
        title=_("Resume the queue %s?") % asked.shown(name),
        about=asked.about(name),
        button=_("Resume"),
        back=dashboard.address(request, "queues"),
        consequences=[_("Workers that are free begin at once with what is ready.")],
        remains=[_("What has begun is not called back by another pause.")],
        details=confirming.HISTORY,
        facts=asked.facts(name),
    )

    return pausing.ask_to_resume(
        model_admin, request, question, asked.rows(), Queue(name)
    )
