"""The page of the queues: how long each is, and who serves it."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from django_durable import conf
from django_durable.admin import dashboard
from django_durable.admin.figures.overview import Overview
from django_durable.admin.figures.queues import MOST_QUEUES, Queue
from django_durable.admin.pages import render
from django_durable.admin.permissions import may
from django_durable.admin.queues import cells as queue_cells
from django_durable.admin.queues.asked import can_be_named
from django_durable.bulk.narrowing import READY

TEMPLATE = "admin/django_durable/console/queues.html"


def page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Show the queues."""
    found = Overview(conf.current().database)
    context = {
        "title": _("Queues"),
        "rows": rows(request, found),
        "most": MOST_QUEUES,
        "is_capped": len(found.load.queues) >= MOST_QUEUES,
        "alarms": dashboard.alarms(found),
        "live_address": dashboard.address(request, "api_queues"),
        "live_version": dashboard.queue_names(found),
    }
    return render(model_admin, request, TEMPLATE, context)


def rows(request: HttpRequest, found: Overview) -> list[dict[str, Any]]:
    """Return those that hold something, are held, or have a living worker."""
    known = {queue.name: queue for queue in found.load.queues}
    for worker in found.crew.fresh:
        for name in worker.queues or ():
            known.setdefault(name, Queue(name))
    return [
        {
            "queue": queue,
            "cells": queue_cells.cells(queue, found),
            **_links(request, queue),
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


def _links(request: HttpRequest, queue: Queue) -> dict[str, str]:
    """Return where a queue is paused, or resumed, and limited; for those who may."""
    if not (may(request, "manage_queue") and can_be_named(queue.name)):
        return {}
    asked = urlencode({"queue": queue.name})
    switch = "queue_resume" if queue.paused_at else "queue_pause"
    return {
        "switch_link": f"{dashboard.address(request, switch)}?{asked}",
        "limit_link": f"{dashboard.address(request, 'queue_limit')}?{asked}",
    }
