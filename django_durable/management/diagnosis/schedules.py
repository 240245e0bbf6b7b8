"""Schedules: whether what is due is fired, and somebody has the code."""

from collections.abc import Iterator

from django.db.models import QuerySet

from django_durable import clock
from django_durable.display import visible
from django_durable.management.diagnosis.finding import Finding, Level
from django_durable.models import Schedule, Worker
from django_durable.models.schedule import OVERDUE

MOST_NAMED = 20
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
    if not late and not gone:
        total = rows.count()
        yield Finding(
            "ok", "schedules", f"{total} of them, {total - len(running)} paused."
        )


def _told(
    level: Level, rows: QuerySet[Schedule], what: str, hint: str
) -> Iterator[Finding]:
    for row in rows[:MOST_NAMED]:
        due = f"{row.next_at:%Y-%m-%d %H:%M:%S} UTC"
        said = visible(f"{row} {what}: {due}.", limit=400, lines=False)
        yield Finding(level, "schedules", said, hint)
    if (more := rows.count() - MOST_NAMED) > 0:
        yield Finding(level, "schedules", f"{more} more {what}.", hint)
