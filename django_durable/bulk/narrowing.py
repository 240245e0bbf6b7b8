"""What the list's filters mean: parameters of its address, applied to rows."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from django_durable.bulk.searching import search
from django_durable.models import Attempt, Tick, Wait, Workflow
from django_durable.models.status import ACTIVE, FAILED, TERMINAL, Status

Rows = QuerySet[Any]

WINDOWS = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
}
DEFAULT_WINDOW = "24h"
ANY_TIME = "all"

# Some are groups, some are one status.
STATES: dict[str, tuple[str, ...]] = {
    "unfinished": ACTIVE,
    "finished": TERMINAL,
    "failed": FAILED,
    "queued": (Status.ENQUEUED,),
    "running": (Status.PENDING,),
    "waiting": (Status.WAITING,),
    "success": (Status.SUCCESS,),
    "error": (Status.ERROR,),
    "cancelled": (Status.CANCELLED,),
    "paused": (Status.PAUSED,),
    "dead": (Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED,),
}
# Of a schedule; with more of them a list of what they have started would be slow.
MOST_TICKS = 2000
STRANDED, READY = "stranded", "ready"


def narrow(
    rows: Rows, params: Mapping[str, str], *, now: datetime, with_data: bool
) -> Rows:
    """Keep what the parameters of a list match; unknown ones say nothing.

    ``q`` is a search, in errors only ``with_data``; ``window`` and ``level`` have
    defaults, see the functions.
    """
    rows = in_window(rows, params.get("window"), now)
    rows = at_level(rows, params.get("level"))
    rows = ended_within(rows, params.get("ended"), now)
    rows = in_state(rows, params.get("state"), now)
    for name, narrowing in NARROWINGS.items():
        if value := params.get(name):
            rows = narrowing(rows, value)
    if text := params.get("q"):
        rows, _notes = search(rows, text, with_data=with_data)
    return rows


def in_window(rows: Rows, window: str | None, now: datetime) -> Rows:
    """Keep what is younger than a window (by default a day), or not finished."""
    if window == ANY_TIME:
        return rows
    age = WINDOWS.get(window or DEFAULT_WINDOW, WINDOWS[DEFAULT_WINDOW])
    wanted = Q(created_at__gte=now - age)
    # One by one: PostgreSQL then puts the partial indexes of each together.
    for status in ACTIVE:
        wanted |= Q(status=status)
    return rows.filter(wanted)


def at_level(rows: Rows, level: str | None) -> Rows:
    """Leave out children, unless the level is ``all``."""
    return rows if level == "all" else rows.filter(parent=None)


def ended_within(rows: Rows, window: str | None, now: datetime) -> Rows:
    """Keep what has ended within a window, all without one."""
    if not window:
        return rows
    age = WINDOWS.get(window, timedelta())
    return rows.filter(completed_at__gt=now - age)


def in_state(rows: Rows, state: str | None, now: datetime) -> Rows:
    """Keep a status, or a group of them, what is stranded, or what is due."""
    if not state:
        return rows
    if state == READY:
        return rows.filter(status=Status.ENQUEUED, run_after__lte=now)
    if state == STRANDED:
        stranded = Workflow.objects.using(rows.db).stranded()
        return rows.filter(pk__in=stranded.values("pk"))
    statuses = STATES.get(state, ())
    if set(statuses) <= set(TERMINAL):
        # All of them have it, and the index of what has ended wants to hear it.
        rows = rows.filter(completed_at__isnull=False)
    return rows.filter(status__in=statuses)


def waiting_for(rows: Rows, kind: str) -> Rows:
    """Keep what waits for a kind of thing."""
    waits = Wait.objects.using(rows.db).filter(workflow=OuterRef("pk"), kind=kind)
    return rows.filter(Exists(waits), status=Status.WAITING)


def retried(rows: Rows, value: str) -> Rows:
    """Keep what has failed tries of steps, or was recovered."""
    tries = Attempt.objects.using(rows.db).filter(workflow=OuterRef("pk"))
    return rows.filter(Exists(tries)) if value == "yes" else rows


def with_children(rows: Rows, value: str) -> Rows:
    """Keep what has started others."""
    children = Workflow.objects.using(rows.db).filter(parent=OuterRef("pk"))
    return rows.filter(Exists(children)) if value == "yes" else rows


def of_subject(rows: Rows, value: str) -> Rows:
    """Keep the workflows of an object: ``orders.order:42``."""
    kind, _colon, key = value.partition(":")
    return rows.filter(~Q(subject_type=""), subject_type=kind, subject_id=key)


def of_schedule(rows: Rows, value: str) -> Rows:
    """Keep what the last ticks of a schedule have started, or a person by it."""
    ticks = Tick.objects.using(rows.db).started().filter(schedule=value)
    last = ticks.order_by("-scheduled_at").values("workflow_id")[:MOST_TICKS]
    return rows.filter(pk__in=last)


def ended_before(rows: Rows, value: str) -> Rows:
    """Keep what ended before a moment, written as ISO 8601."""
    return rows.filter(completed_at__lt=datetime.fromisoformat(value))


def of_outcomes(rows: Rows, value: str) -> Rows:
    """Keep what ended so: names of statuses with commas between them."""
    chosen = set(value.split(",")) & set(TERMINAL)
    return rows.filter(status__in=chosen, completed_at__isnull=False)


NARROWINGS: dict[str, Callable[[Rows, str], Rows]] = {
    "name": lambda rows, value: rows.filter(name=value),
    "queue": lambda rows, value: rows.filter(queue_name=value),
    "version": lambda rows, value: rows.filter(version=value),
    "waiting": waiting_for,
    "retried": retried,
    "children": with_children,
    "subject": of_subject,
    "parent": lambda rows, value: rows.filter(parent=value),
    "schedule": of_schedule,
    # No filters of the list: a page of its own asks for them.
    "ended_before": ended_before,
    "outcome": of_outcomes,
}
