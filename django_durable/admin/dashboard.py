"""The dashboard: what of the figures is shown, and where each number leads."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _, gettext_lazy

from django_durable import conf
from django_durable.admin import stranded
from django_durable.admin.errors import error_line
from django_durable.admin.figures import condition
from django_durable.admin.figures.ages import age
from django_durable.admin.figures.finished import Finished
from django_durable.admin.figures.overview import Overview
from django_durable.admin.figures.queues import Queue
from django_durable.admin.permissions import may, of_site
from django_durable.admin.queues import cells as queue_cells
from django_durable.bulk.narrowing import READY

WIDTH, HEIGHT, GAP = 720, 80, 1
WORKFLOWS = "admin:django_durable_workflow_changelist"
WORKERS = "admin:django_durable_worker_changelist"
KINDS = ("success", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Tile:
    """One number with its name, a line below it, and the list behind it."""

    key: str
    label: str | Promise
    value: str
    note: str
    link: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle of the chart."""

    kind: str
    x: int
    y: float
    height: float
    width: int


def listing(request: HttpRequest, name: str = WORKFLOWS, **params: str) -> str:
    """Return the address of a list with filters: whatever the age and the parent."""
    site = getattr(request, "current_app", None)
    whatever = {"window": "all", "level": "all"} if name == WORKFLOWS else {}
    address = reverse(name, current_app=site)
    return f"{address}?{urlencode({**whatever, **params})}" if params else address


def tiles(request: HttpRequest, found: Overview) -> list[Tile]:
    """Return the tiles for somebody who may see workflows."""
    load, totals, now = found.load, found.totals, found.now

    def tile(
        key: str, label: Any, value: object, note: str, kind: str = "", **params: str
    ) -> Tile:
        link = listing(request, **{"state": key, **params})
        return Tile(key, label, str(value), note, link, kind)

    asked = _("%s for a person") % totals.requests if totals.requests else ""
    bad, shape = "error" if totals.failed else "", found.finished.failures

    return [
        tile("running", gettext_lazy("running"), load.running, _oldest(load, now)),
        tile(
            *("queued", gettext_lazy("queued"), load.queued, _longest(load, now)),
            state=READY,
        ),
        tile("waiting", gettext_lazy("waiting"), totals.waiting, asked),
        tile(
            *("failed", gettext_lazy("failed in 24 h"), totals.failed, shape, bad),
            ended="24h",
        ),
        *_troubles(tile, totals),
        Tile(
            "workers",
            gettext_lazy("workers"),
            f"{len(found.crew.fresh)} / {len(found.crew.serving)}",
            _("slots %(used)d/%(slots)d")
            % {"used": found.crew.used, "slots": found.crew.slots},
            listing(request, WORKERS, serving="yes"),
            "error" if found.is_unattended else "",
        ),
    ]


def _troubles(tile: Any, totals: Any) -> list[Tile]:
    """Return the tiles of what needs somebody, most of them only when there is any."""
    dead = tile(
        "dead", gettext_lazy("dead letter"), totals.dead, "", "dead" * bool(totals.dead)
    )
    paused = tile("paused", gettext_lazy("paused"), totals.paused, "", "paused")
    lost = tile("stranded", gettext_lazy("stranded"), totals.stranded, "", "stranded")
    return [
        dead,
        *([paused] if totals.paused else []),
        *([lost] if totals.stranded else []),
    ]


def _oldest(load: Any, now: Any) -> str:
    since = age(load.running_since, now)
    return _("longest %s") % since if since else ""


def _longest(load: Any, now: Any) -> str:
    since = age(load.oldest_at, now)
    return _("oldest %s") % since if since else ""


def bars(finished: Finished) -> list[Bar]:
    """Draw stacked bars, one for each five minutes."""
    most = max((slot.total for slot in finished.slots), default=0)
    if not most:
        return []
    step = WIDTH // 72
    first = WIDTH - step * len(finished.slots)  # What was not counted stays empty.
    drawn = []
    for number, slot in enumerate(finished.slots):
        below = float(HEIGHT)
        for kind in KINDS:
            height = round(getattr(slot, kind) / most * HEIGHT, 2)
            if height:
                below = round(below - height, 2)
                x = first + number * step
                drawn.append(Bar(kind, x, below, height, step - GAP))
    return drawn


def context(request: HttpRequest) -> dict[str, Any]:
    """Return what the dashboard's template shows to this user."""
    base = {"request": request}
    using = conf.current().database
    if condition.missing_migrations(using) or not may(request, "view_workflow"):
        return base
    asked = of_site(request)
    mine = asked.get_queryset(request) if asked is not None else None
    found = Overview(using, mine)
    numbers = figures(request, found)

    def may_see(workflow: Any) -> bool:
        return asked is not None and asked.has_view_permission(request, workflow)

    stranded.mark((wait.workflow for wait in found.requests), found.crew.definitions)
    return {
        **base,
        "found": found,
        "may_answer": may(request, "send_workflow_message"),
        "tiles": tiles(request, found),
        "bars": bars(found.finished),
        "finished": found.finished,
        "chart": {"width": WIDTH, "height": HEIGHT},
        "totals": {
            kind: sum(getattr(slot, kind) for slot in found.finished.slots)
            for kind in KINDS
        },
        "queues": [_queue(request, queue, found) for queue in found.load.queues],
        "requests": [wait for wait in found.requests if may_see(wait.workflow)],
        "failures": [
            {"workflow": each, "error": _error(request, each, asked)}
            for each in filter(may_see, found.failures)
        ],
        "summary": numbers["summary"],
        "version": version(found),
        "live_address": address(request, "api_status"),
        "alarms": alarms(found),
        "inbox": address(request, "approvals"),
        "queues_page": address(request, "queues"),
    }


def figures(request: HttpRequest, found: Overview) -> dict[str, str]:
    """Return the numbers by their names, as the page shows them."""
    numbers = {}
    for tile in tiles(request, found):
        numbers[tile.key] = tile.value
        numbers[f"{tile.key}-note"] = tile.note
    numbers |= queue_cells.figures(found)
    numbers["summary"] = _(
        "%(running)s running, %(queued)s queued, %(waiting)s waiting,"
        " %(failed)s failed in 24 h"
    ) % {name: numbers[name] for name in ("running", "queued", "waiting", "failed")}
    return numbers


def alarms(found: Overview) -> list[str]:
    """Return what is wrong, as far as the figures tell it."""
    return condition.alarm_texts([], found.load.queued if found.is_unattended else None)


def queue_names(found: Overview) -> str:
    """Return what changes when there are other queues to show, or to resume."""
    return fingerprint(f"{each.name} {each.paused_at}" for each in found.load.queues)


def version(found: Overview) -> str:
    """Return what changes when the page has other rows to show."""
    places = [(each.workflow_id, each.branch, each.step_id) for each in found.requests]
    parts = [
        *(queue.name for queue in found.load.queues),
        *map(str, places),
        *(f"{each.pk} {each.completed_at}" for each in found.failures),
    ]
    return fingerprint(parts)


def fingerprint(parts: Iterable[str]) -> str:
    """Return a short text that differs where the parts do."""
    return blake2b("\n".join(parts).encode(errors="replace"), digest_size=8).hexdigest()


def address(request: HttpRequest, name: str, *args: str) -> str:
    """Return where a page of ours is, in the admin site that is asked."""
    site = getattr(request, "current_app", None)
    return reverse(f"admin:django_durable_{name}", args=args, current_app=site)


def _queue(request: HttpRequest, queue: Queue, found: Overview) -> dict[str, Any]:
    return {
        "queue": queue,
        "cells": queue_cells.cells(queue, found),
        "link": listing(request, queue=queue.name, state=READY),
        "running_link": listing(request, queue=queue.name, state="running"),
    }


def _error(request: HttpRequest, workflow: Any, asked: Any) -> str:
    """Return the class of an error; its message to those who may see data."""
    with_message = asked.has_view_data_permission(request, workflow)
    return error_line(workflow.error_head, workflow.name, with_message=with_message)
