"""How long does a workflow with many recorded steps take to be replayed?

It waits, suspended; a message wakes it, and it comes back to where it was. The
limit reads that many rows.
"""

import time
from collections.abc import Iterator
from functools import cache
from time import perf_counter

import django_durable as durable
from benchmarks import bare, elsewhere, running, workflows
from benchmarks.messages import COLD
from benchmarks.rounds import Case
from django_durable.models import Step

TIMES = 3
ROUNDS = 5
READ = "SELECT * FROM django_durable_step WHERE workflow_id = %s"


def cases(*, quick: bool, peer: str | None = None) -> Iterator[Case]:
    """Return what to measure."""
    for steps in (200, 2000) if quick else (1000, 10000):
        yield Case(
            f"replay of {steps:,} steps",
            "ms",
            lambda steps=steps: milliseconds(steps),
            lambda steps=steps: reading(steps),
        )


def milliseconds(steps: int) -> list[float]:
    """Return how long each message takes to be received by way of a replay."""
    with elsewhere.workers(**COLD):
        handle = _suspended(steps)
        found = []
        for _ in range(TIMES):
            running.await_end(lambda: handle.get_status() == "WAITING")
            known = _received(handle.workflow_id)
            started_at = perf_counter()
            durable.send(handle, None)
            while _received(handle.workflow_id) == known:
                time.sleep(0.001)
            found.append(1000 * (perf_counter() - started_at))
        return found


def reading(steps: int) -> float:
    """Read the rows, once."""
    with elsewhere.workers(**COLD):
        workflow_id = _suspended(steps).workflow_id
    with bare.cursor() as execute:
        execute(READ, [workflow_id]).fetchall()
        return 1000 * running.seconds_for(
            lambda: execute(READ, [workflow_id]).fetchall()
        )


@cache
def _suspended(steps: int) -> durable.WorkflowHandle:
    """Start one that is woken in every round."""
    handle = workflows.has_a_past.start(steps, 10 * TIMES * ROUNDS)
    running.await_end(lambda: handle.get_status() == "WAITING")
    return handle


def _received(workflow_id: str) -> int:
    return Step.objects.filter(workflow_id=workflow_id, kind=Step.Kind.RECV).count()
