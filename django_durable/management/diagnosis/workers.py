"""The workers: there are some, and they say that they live."""

from collections import Counter
from collections.abc import Iterator

from django.db.models import Q

from django_durable import clock
from django_durable.management.diagnosis.finding import Finding
from django_durable.management.workflows.workers import condition
from django_durable.models import Schedule, Worker, Workflow
from django_durable.models.status import Status

START = "Start one: python manage.py run_workflows"


def look_at_workers(using: str) -> Iterator[Finding]:
    """Count the workers by how long they have been silent."""
    workers = Worker.objects.using(using)
    now = workers.database_now()
    rows = workers.filter(state__in=Worker.LIVE_STATES, kind=Worker.Kind.WORKER)
    found = Counter(condition(row, now) for row in rows)
    live = found["fresh"] + found["late"]
    if live:
        yield Finding("ok", "workers", f"{live} of them live.")
    elif waiting := _waiting(using):
        yield Finding(
            "problem", "workers", f"No worker lives, and {waiting} wait for one.", START
        )
    elif schedules := Schedule.objects.using(using).running().count():
        text = f"No worker lives, and {schedules} schedules need one."
        yield Finding("warning", "workers", text, START)
    else:
        yield Finding("warning", "workers", "No worker lives; none is needed.", START)
    if found["late"]:
        yield Finding(
            "warning",
            "workers",
            f"{found['late']} of them are late with their signs of life.",
            "Is a machine, or the database, too busy?",
        )
    if found["lost"]:
        yield Finding(
            "warning",
            "workers",
            f"{found['lost']} of them have fallen silent, and were not declared dead.",
            "Another worker does that, and takes their workflows over.",
        )


def _waiting(using: str) -> int:
    """Count what a worker would have something to do with, now or later."""
    rows = Workflow.objects.using(using)
    ready = Q(status=Status.ENQUEUED, run_after__lte=clock.now())
    return rows.filter(ready | Q(status__in=(Status.WAITING, Status.PENDING))).count()
