"""The queue that an address names: what it is called, how it is, what was done."""

from typing import Any

from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _

from django_durable import clock, conf
from django_durable.admin import audit
from django_durable.admin.figures.queues import holds
from django_durable.admin.holds import pause_text, usage_text
from django_durable.display import visible
from django_durable.models import Queue
from django_durable.models.queue import QueueQuerySet
from django_durable.names import check_queue_name


def asked_queue(request: HttpRequest) -> str:
    """Return which queue the address names; raises Http404 where none can be."""
    try:
        return check_queue_name(request.GET.get("queue", ""))
    except ValueError:
        raise Http404 from None


def can_be_named(name: str) -> bool:
    """Tell whether a queue can have this name, whoever has written it."""
    try:
        check_queue_name(name)
    except ValueError:
        return False
    return True


def facts(name: str) -> dict[str, Any]:
    """Return for HISTORY how it is, perhaps by code, and what was done here."""
    queue = holds(conf.current().database, [name], clock.now()).get(name)
    return {
        "state": pause_text(queue),
        "now": usage_text(queue.usage) if queue and queue.usage else "",
        "entries": audit.entries_of(Queue, name),
    }


def rows() -> QueueQuerySet:
    """Return the queues of which something is known."""
    return Queue.objects.using(conf.current().database)


def shown(name: str) -> str:
    """Return the name as it may stand in a sentence."""
    return visible(name, limit=64, lines=False)


def about(name: str) -> str:
    """Return what a page says that it is about."""
    return _("Queue %s") % shown(name)
