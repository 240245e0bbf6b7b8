"""Schedules: whether what is due is fired, and somebody has the code."""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import QuerySet

from django_durable import clock
from django_durable.display import visible
from django_durable.management.diagnosis.finding import Finding, Level
from django_durable.models import Schedule, Tick, Worker
from django_durable.models.schedule import OVERDUE

MOST_NAMED = 20
# Whoever has skipped so many, and started nothing for so long, may do so for ever.
FEW, STUCK_AFTER = 3, timedelta(days=1)
END = "Resume or cancel it, or have the schedule not wait: overlap='allow'."
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
    stuck = list(_stuck(rows.running().filter(skipped_in_row__gte=FEW), using))
    yield from stuck[:MOST_NAMED]
    if not (late or gone or stuck):
        total = rows.count()
        yield Finding(
            "ok", "schedules", f"{total} of them, {total - len(running)} paused."
        )


def _stuck(rows: QuerySet[Schedule], using: str) -> Iterator[Finding]:
    """Name what starts nothing, since its last workflow does not come to an end."""
    ticks, limit = Tick.objects.using(using), clock.now() - STUCK_AFTER
    for row in rows.order_by("-skipped_in_row")[:MOST_NAMED]:
        started = ticks.started().filter(schedule=row).order_by("-scheduled_at")
        last = started.exclude(kind=Tick.Kind.BACKFILL).first()
        if last is not None and last.scheduled_at < limit:
            said = (
                f"{row} has skipped {row.skipped_in_row} ticks: workflow"
                f" {last.workflow_id} has not ended."
            )
            said = visible(said, limit=600, lines=False)
            yield Finding("warning", "schedules", said, END)


def _told(
    level: Level, rows: QuerySet[Schedule], what: str, hint: str
) -> Iterator[Finding]:
    for row in rows[:MOST_NAMED]:
        due = f"{row.next_at:%Y-%m-%d %H:%M:%S} UTC"
        said = visible(f"{row} {what}: {due}.", limit=400, lines=False)
        yield Finding(level, "schedules", said, hint)
    if (more := rows.count() - MOST_NAMED) > 0:
        yield Finding(level, "schedules", f"{more} more {what}.", hint)
