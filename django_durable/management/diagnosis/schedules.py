"""Schedules: whether what is due is fired, and somebody has the code."""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import QuerySet

from django_durable import clock
from django_durable.display import visible
from django_durable.management.diagnosis.finding import Finding, Level
from django_durable.models import Schedule, Tick, Worker
from django_durable.models.code import covers
from django_durable.models.schedule import OVERDUE
from django_durable.models.status import Status

MOST_NAMED = 20
# Whoever has skipped so many, and started nothing for so long, may do so for ever.
FEW, STUCK_AFTER = 3, timedelta(days=1)
PAYLOADS = ("workflow__inputs", "workflow__output", "workflow__error")
END = "Resume or cancel it, or have the schedule not wait: overlap='allow'."
SET = "A worker that starts counts it anew; so does a pause that ends."
FIRE = "Do the workers that declare it live, and what do they log?"
DELETE = "Was it taken out of the code? Then: workflows schedule delete NAME"


def look_at_schedules(using: str) -> Iterator[Finding]:
    """Name what is overdue, and what no live worker declares."""
    workers = Worker.objects.using(using)
    rows, live = Schedule.objects.using(using), workers.live_schedules()
    running = rows.running().order_by("next_at")
    late = running.filter(next_at__lt=clock.now() - OVERDUE)
    gone = running.none()
    # Without any worker nobody knows whose code is gone: then it is overdue alone.
    if workers.live().exclude(kind=Worker.Kind.DIRECT).exists():
        late, gone = late.filter(name__in=live), running.exclude(name__in=live)
    yield from _told("problem", late, "was not fired when it was due", FIRE)
    yield from _told("warning", gone, "is declared by no live worker", DELETE)
    ahead = running.filter(pk__in=[row.pk for row in running if row.is_ahead])
    yield from _told("warning", ahead, "is due too late, after a clock was ahead", SET)
    stuck = list(_stuck(rows.running().filter(skipped_in_row__gte=FEW), using))
    yield from stuck[:MOST_NAMED]
    if not (late or gone or ahead or stuck):
        total = rows.count()
        yield Finding(
            "ok", "schedules", f"{total} of them, {total - len(running)} paused."
        )


def _stuck(rows: QuerySet[Schedule], using: str) -> Iterator[Finding]:
    """Name what starts nothing, since its last workflow does not come to an end."""
    code = Worker.objects.using(using).live_definitions()
    for row in rows.order_by("-skipped_in_row")[:MOST_NAMED]:
        ticks = Tick.objects.using(using).started().filter(schedule=row, is_over=False)
        ticks = ticks.exclude(kind=Tick.Kind.BACKFILL).select_related("workflow")
        tick = ticks.defer(*PAYLOADS).order_by("scheduled_at").first()
        if tick is not None and tick.workflow and (why := _why(tick, code)):
            said = f"{row} has skipped {row.skipped_in_row} ticks: workflow"
            said = f"{said} {tick.workflow_id} {why}."
            said = visible(said, limit=600, lines=False)
            yield Finding("warning", "schedules", said, END)


def _why(tick: Tick, code: set[tuple[str, str]]) -> str:
    """Say why the workflow of a tick may never end; nothing where it may well."""
    workflow = tick.workflow
    assert workflow is not None
    if workflow.status == Status.PAUSED:
        return "is paused"
    waits = workflow.status in (Status.ENQUEUED, Status.WAITING)
    if waits and not covers(code, workflow.name, workflow.version):
        return "is stranded"
    is_old = tick.scheduled_at < clock.now() - STUCK_AFTER
    return "has not ended for more than a day" if is_old else ""


def _told(
    level: Level, rows: QuerySet[Schedule], what: str, hint: str
) -> Iterator[Finding]:
    for row in rows[:MOST_NAMED]:
        due = f"{row.next_at:%Y-%m-%d %H:%M:%S} UTC"
        said = visible(f"{row} {what}: {due}.", limit=400, lines=False)
        yield Finding(level, "schedules", said, hint)
    if (more := rows.count() - MOST_NAMED) > 0:
        yield Finding(level, "schedules", f"{more} more {what}.", hint)
