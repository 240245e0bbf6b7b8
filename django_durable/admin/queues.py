"""The page of the queues: how long each is, and who serves it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from django_durable import conf
from django_durable.admin import dashboard
from django_durable.admin.figures.ages import age
from django_durable.admin.figures.overview import Overview
from django_durable.admin.figures.queues import Queue
from django_durable.admin.pages import render
from django_durable.bulk.narrowing import READY

TEMPLATE = "admin/django_durable/console/queues.html"


def page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Show the queues."""
    found = Overview(conf.current().database)
    context = {
        "title": _("Queues"),
        "rows": rows(request, found),
        "alarms": dashboard.alarms(found),
        "live_address": dashboard.address(request, "api_queues"),
        "live_version": dashboard.queue_names(found),
    }
    return render(model_admin, request, TEMPLATE, context)


def rows(request: HttpRequest, found: Overview) -> list[dict[str, Any]]:
    """Return the queues that hold something, or that a living worker serves."""
    load, now = found.load, found.now
    known = {queue.name: queue for queue in load.queues}
    for worker in found.crew.fresh:
        for name in worker.queues or ():
            known.setdefault(name, Queue(name))
    return [
        {
            "queue": queue,
            "oldest": age(queue.oldest_at, now),
            "workers": len(found.crew.of_queue(queue.name)),
            "workers_link": dashboard.listing(
                request, dashboard.WORKERS, queue=queue.name
            ),
            "queued_link": dashboard.listing(request, queue=queue.name, state=READY),
            "running_link": dashboard.listing(
                request, queue=queue.name, state="running"
            ),
            "link": dashboard.listing(request, queue=queue.name),
        }
        for _name, queue in sorted(known.items())
    ]
