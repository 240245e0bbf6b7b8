"""What do 100,000 waiting workflows cost, and how late are their timers?

They sleep, suspended: most for a day, some until moments that lie close together.
Threads and memory are those of the worker, above an idle one. It suspends 20,000;
the rest are copies of their rows.
"""

import time
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from uuid import uuid4

import psutil

from benchmarks import copies, elsewhere, running, workflows
from benchmarks.messages import COLD
from benchmarks.peers import dbos
from benchmarks.rounds import Case
from django_durable import clock
from django_durable.models import Wait, Workflow

FIRST_AFTER = 5.0
PER_SECOND = 50
MOST_REAL = 20_000
# A thread each: more would bring the machine down.
MOST_OF_DBOS = 500


def cases(*, quick: bool, peer: str | None = None) -> Iterator[Case]:
    """Return what to measure."""
    number, timers = (2000, 100) if quick else (100_000, 1000)
    fewer = min(MOST_OF_DBOS, number // dbos.SHARE)
    label = f"{number:,} suspended"
    yield Case(
        f"{label}: threads above idle",
        "threads",
        lambda: cost(number)[0],
        peer=dbos.peer(peer, "waiting", fewer, "threads"),
        rounds=1,
    )
    yield Case(
        f"{label}: memory above idle",
        "MB",
        lambda: cost(number)[1],
        peer=dbos.peer(peer, "waiting", fewer, "memory"),
        rounds=1,
    )
    yield Case(
        f"{label}: suspending them", "workflows/s", lambda: cost(number)[2], rounds=1
    )
    yield Case(
        f"{label}: lateness of {timers:,} timers",
        "ms",
        lambda: lateness(number, timers),
        rounds=1,
    )


@cache
def cost(number: int) -> tuple[float, float, float]:
    """Return threads, megabytes and rate of a worker that suspends so many."""
    real = min(number, MOST_REAL)
    with elsewhere.workers(**COLD) as (worker,):
        process = psutil.Process(worker.pid)
        threads, memory = process.num_threads(), process.memory_info().rss
        running.enqueue(workflows.sleeps, real, clock.now() + timedelta(days=1))
        seconds = running.seconds_for(lambda: running.await_end(_all_wait, 600))
        prefix = f"{uuid4()}-"
        copies.multiply(Wait, number - real, prefix, "workflow_id")
        copies.multiply(Workflow, number - real, prefix, "id", status="WAITING")
        copies.analyze()
        time.sleep(2)
        more = process.memory_info().rss - memory
        return process.num_threads() - threads, more / 1e6, real / seconds


def lateness(number: int, timers: int) -> list[float]:
    """Return milliseconds that timers are late while all those others wait."""
    cost(number)
    with elsewhere.workers(**COLD):
        handles = []
        begins_at = clock.now() + timedelta(seconds=FIRST_AFTER + timers / 500)
        for place in range(timers):
            due = begins_at + timedelta(seconds=place / PER_SECOND)
            handles.append(workflows.sleeps.start(due))
        return [1000 * handle.get_result(running.LONGEST_SECONDS) for handle in handles]


def _all_wait() -> bool:
    return not any(
        Workflow.objects.filter(status=status).exists()
        for status in (Workflow.Status.ENQUEUED, Workflow.Status.PENDING)
    )
