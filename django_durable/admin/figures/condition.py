"""Whether something is so wrong that every page has to say it."""

import pkgutil
from datetime import datetime

from django.db import DatabaseError, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.utils.translation import gettext as _

from django_durable import clock, migrations
from django_durable.admin.figures.statements import Ask, Count, count_of, together
from django_durable.models import Worker, Workflow
from django_durable.models.status import Status

_complete: set[str] = set()


def missing_migrations(using: str) -> list[str]:
    """Return our migrations that this database has not had; asked until none is.

    Nothing where that cannot be known: a project may do without the table.
    """
    if using in _complete:
        return []
    known = MigrationRecorder.Migration.objects.using(using).filter(
        app="django_durable"
    )
    try:
        with transaction.atomic(using=using):
            applied = set(known.values_list("name", flat=True))
    except DatabaseError:
        return []
    names = [found.name for found in pkgutil.iter_modules(migrations.__path__)]
    missing = sorted(name for name in names if name not in applied)
    if not missing or not applied:
        _complete.add(using)
        return []
    return missing


def alarms(using: str) -> list[str]:
    """Return what every page says in red, with the command to type: one statement."""
    names = missing_migrations(using)
    return alarm_texts(names, unattended(using, clock.now()) if not names else None)


def alarm_texts(missing: list[str], unattended: Count | None) -> list[str]:
    """Say which migrations are missing, else how much waits for a worker."""
    if missing:
        text = _(
            "Migrations of django_durable are missing in the database: %s."
            " Apply them: python manage.py migrate"
        )
        return [text % ", ".join(missing)]
    if unattended:
        text = _(
            "%s workflows are queued and no worker is running."
            " Start one: python manage.py run_workflows"
        )
        return [text % unattended]
    return []


MOST_UNATTENDED = 1000


def unattended(using: str, now: datetime) -> Count:
    """Count what is ready while no worker has a fresh heartbeat; else none."""
    fresh = Worker.objects.fresh(now).exclude(kind=Worker.Kind.DIRECT)
    ready = Workflow.objects.filter(status=Status.ENQUEUED, run_after__lte=now)
    in_order = ready.order_by("queue_name", "-priority", "run_after")
    found = together(
        using,
        {
            "workers": Ask(fresh.values("kind"), cap=1),
            "ready": Ask(in_order.values("status"), cap=MOST_UNATTENDED),
        },
    )
    return count_of(0 if found["workers"] else found["ready"], MOST_UNATTENDED)
