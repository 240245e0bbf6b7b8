"""The pages that ask before a queue is paused, and before it goes on."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from django_durable import conf
from django_durable.admin import audit, confirming, dashboard
from django_durable.admin.waits import queue_state
from django_durable.display import visible
from django_durable.models import Queue
from django_durable.models.queue import QueueQuerySet
from django_durable.names import check_queue_name

# Where the bulk actions of the console run.
OF_BULK_ACTIONS = "default"
HISTORY = "admin/django_durable/console/queue_history.html"
MOST_ENTRIES = 10
# Does it, with the reason, and says whether it took.
Switch = Callable[[str], bool]


def pause(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Ask before workers take nothing more from the queue ``?queue=``; then do it."""
    name = asked_queue(request)
    consequences = [
        _("Workers take nothing from it: nothing new, and nothing that is to go on."),
        _("What is being executed goes on until it suspends or ends."),
        _("What is started into it waits there, and so does what is woken."),
    ]
    if name == OF_BULK_ACTIONS:
        consequences.append(_("Bulk actions of these pages run in it: they wait, too."))
    question = confirming.Question(
        title=_("Pause the queue %s?") % _shown(name),
        button=_("Pause"),
        back=dashboard.address(request, "queues"),
        consequences=consequences,
        remains=[_("Deadlines do not stand still: what is too late is cancelled.")],
        details=HISTORY,
        facts=_facts(name),
    )

    def switch(reason: str) -> bool:
        return _queues().pause(name, reason, request.user.get_username())

    told = _("It is paused."), _("It was paused already.")
    return _page(model_admin, request, name, question, "pause", switch, told)


def resume(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Ask before workers take from the queue ``?queue=`` again; then do it."""
    name = asked_queue(request)
    question = confirming.Question(
        title=_("Resume the queue %s?") % _shown(name),
        button=_("Resume"),
        back=dashboard.address(request, "queues"),
        consequences=[_("Workers that are free begin at once with what is ready.")],
        remains=[_("What has begun is not called back by another pause.")],
        details=HISTORY,
        facts=_facts(name),
    )

    def switch(reason: str) -> bool:
        return _queues().resume(name)

    told = _("It goes on."), _("It was not paused.")
    return _page(model_admin, request, name, question, "resume", switch, told)


def asked_queue(request: HttpRequest) -> str:
    """Return which queue the address names; raises Http404 where none can be."""
    try:
        return check_queue_name(request.GET.get("queue", ""))
    except ValueError:
        raise Http404 from None


def can_be_paused(name: str) -> bool:
    """Tell whether a queue can have this name, whoever has written it."""
    try:
        check_queue_name(name)
    except ValueError:
        return False
    return True


def _page(
    model_admin: Any,
    request: HttpRequest,
    name: str,
    question: confirming.Question,
    action: str,
    switch: Switch,
    told: tuple[str, str],
) -> HttpResponse:
    form = confirming.ReasonForm(request.POST or None)
    if not (request.method == "POST" and form.is_valid()):
        return confirming.ask(model_admin, request, question, form)
    reason = form.cleaned_data["reason"]
    took = switch(reason)
    text = told[0] if took else told[1]
    if took:
        row = _queues().get(pk=name)
        audit.record(model_admin, request, row, action, reason=reason, outcome=text)
    level = messages.SUCCESS if took else messages.WARNING
    # In quotes: Django makes the first letter of a message large.
    model_admin.message_user(request, f"“{_shown(name)}”: {text}", level)
    return HttpResponseRedirect(question.back)


def _facts(name: str) -> dict[str, Any]:
    """Return the state, which code may have changed, and what was done here."""
    entries = audit.entries_of(Queue, name)[:MOST_ENTRIES]
    queue = _queues().paused().filter(pk=name).first()
    return {"state": queue_state(queue) if queue else "", "entries": entries}


def _queues() -> QueueQuerySet:
    return Queue.objects.using(conf.current().database)


def _shown(name: str) -> str:
    return visible(name, limit=64, lines=False)
