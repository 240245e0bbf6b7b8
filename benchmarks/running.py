"""Having workflows executed, and timing it."""

import time
from collections.abc import Callable
from copy import copy
from typing import Any

from django.db import connection, transaction
from django.db.models import Max

from django_durable import clock
from django_durable.models import Workflow
from django_durable.models.ids import new_workflow_id

# However slow the machine is, a round ends.
LONGEST_SECONDS = 120.0
# How long a worker may take to leave.
ENDING_SECONDS = 20.0
LOOK_SECONDS = 0.05


def seconds_for(call: Callable[[], object]) -> float:
    """Return how long a call takes."""
    started_at = time.perf_counter()
    call()
    return time.perf_counter() - started_at


def enqueue(definition: Any, workflows: int, *args: object) -> None:
    """Start many workflows in one transaction: one by the API, copies of its row."""
    with transaction.atomic():
        handle = definition.start(*args)
        row = Workflow.objects.get(pk=handle.workflow_id)
        rows = (_twin(row) for _ in range(workflows - 1))
        Workflow.objects.bulk_create(rows, batch_size=1000)
        analyze()


def analyze() -> None:
    """Tell the planner of many new rows, as autovacuum does after a while."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE django_durable_workflow")


def drain_seconds(definition: Any, workflows: int, *args: object) -> float:
    """Enqueue workflows and return how long the workers take to end them all."""
    enqueue(definition, workflows, *args)
    started_at = clock.now()
    await_end(lambda: not Workflow.objects.active().exists())
    last = Workflow.objects.aggregate(at=Max("completed_at"))["at"]
    return (last - started_at).total_seconds()


def await_end(has_come: Callable[[], bool], seconds: float = LONGEST_SECONDS) -> None:
    """Look now and then; raise TimeoutError when it does not come."""
    give_up_at = time.monotonic() + seconds
    while not has_come():
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"The round was not over after {seconds:g} s.")
        time.sleep(LOOK_SECONDS)


def _twin(row: Workflow) -> Workflow:
    twin = copy(row)
    twin.pk = new_workflow_id()
    twin._state = copy(row._state)
    twin._state.adding = True
    return twin
