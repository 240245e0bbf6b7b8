"""Rows for the console to count and show, as old as a test wants them."""

from datetime import timedelta

import django_durable as durable
from django_durable import clock
from django_durable.admin.figures.overview import FAILED
from django_durable.models import Worker, Workflow
from tests.plans.rows import new_row

Status = Workflow.Status


@durable.workflow
def asks(**options):
    return durable.recv("verdict", human=True, **options)


def add(pk, status, *, ago=60, **changes):
    moment = clock.now() - timedelta(seconds=ago)
    ended = {"completed_at": moment} if status in FAILED else {}
    if status in (Status.SUCCESS, Status.CANCELLED):
        ended = {"completed_at": moment}
    times = {"run_after": moment, "created_at": moment, "changed_at": moment}
    row = new_row(pk, status=status, **{**times, **ended, **changes})
    row.save(force_insert=True)
    return row


def register(kind=Worker.Kind.WORKER, *, ago=0, **changes):
    worker = Worker.objects.register(
        kind, definitions=[("orders.checkout", "1")], concurrency=16
    )
    worker.heartbeat_at -= timedelta(seconds=ago)
    for name, value in changes.items():
        setattr(worker, name, value)
    worker.save()
    return worker
