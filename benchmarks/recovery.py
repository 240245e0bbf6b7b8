"""How soon are 1,000 workflows through whose worker was killed?

Each has ten steps, of which five were done when the worker died. Measured from the
moment at which the lease of the dead worker has run out. The limit commits, one by
one, the rows that are missing then.
"""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Max

from benchmarks import bare, elsewhere, running, workflows
from benchmarks.peers import dbos
from benchmarks.rounds import Case
from django_durable.models import Step, Worker, Workflow

LEASE = {"HEARTBEAT": 0.5, "LEASE": 3}
DONE, MISSING = 5, 5


def cases(*, quick: bool, peer: str | None = None) -> Iterator[Case]:
    """Return what to measure."""
    number = 200 if quick else 1000
    yield Case(
        f"recovery of {number:,} workflows after kill -9",
        "s",
        lambda: seconds(number),
        lambda: number * (MISSING + 2) / bare.commits_per_second(bare.steps(number)),
        dbos.peer(peer, "recovery", number // dbos.SHARE, number),
    )


def seconds(number: int) -> float:
    """Kill a worker that holds so many, and let another one take over."""
    elsewhere.dismiss()
    doomed = elsewhere.start(
        {"BENCHMARK_HANGS": "1"}, **LEASE, ASYNC_CONCURRENCY=number, CONCURRENCY=2
    )
    try:
        running.enqueue(workflows.half_done, number)
        rows = Workflow.objects.for_definition(workflows.half_done)
        held = rows.filter(status=Workflow.Status.PENDING)
        steps = Step.objects.filter(workflow__in=held)
        running.await_end(lambda: steps.count() == DONE * number)
        with elsewhere.workers(**LEASE):
            doomed.kill()
            doomed.wait()
            beaten_at = Worker.objects.get(pid=doomed.pid).heartbeat_at
            running.await_end(lambda: not Workflow.objects.active().exists())
    finally:
        doomed.kill()
        doomed.wait()
    assert not rows.exclude(status=Workflow.Status.SUCCESS).exists()
    ended_at = rows.aggregate(at=Max("completed_at"))["at"]
    rows.delete()
    lapsed_at = beaten_at + timedelta(seconds=LEASE["LEASE"])
    return float((ended_at - lapsed_at).total_seconds())
