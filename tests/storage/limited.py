"""Claims of one worker from queues with limits, and what they have taken."""

import datetime as dt
import uuid

from django_durable import clock
from django_durable.models import Workflow
from tests import workflows

Status = Workflow.Status
PAIRS = [(workflows.total.name, "*")]
WORKER = uuid.uuid4()
MINUTE = dt.timedelta(minutes=1)


def start(pk, queue_name="reports", **options):
    options = {"workflow_id": pk, "queue_name": queue_name, **options}
    return workflows.total.using(**options).start(1, 2)


def start_many(text, queue_name="reports", **options):
    """Start workflows; what would be due at one moment is taken in any order."""
    moment = options.pop("run_after", clock.now())
    for place, pk in enumerate(reversed(text)):
        run_after = moment - place * dt.timedelta.resolution
        start(pk, queue_name, run_after=run_after, **options)


def claim(limit=9, **options):
    return Workflow.objects.claim(WORKER, PAIRS, limit=limit, **options)


def ids(claimed):
    return "".join(row.id for row in claimed)


def end(pk, status=Status.SUCCESS):
    Workflow.objects.filter(pk=pk).update(status=status)


def held_back(taking):
    (held,) = taking.held_back
    return held
