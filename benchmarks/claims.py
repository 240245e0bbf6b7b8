"""Does a claim become slower with the rows that are finished?

A claim takes 16 of 100,000 queued workflows, first beside none and then beside a
million that have ended. The limit takes as many with the barest statements.
"""

from collections.abc import Iterator
from uuid import uuid4

from django.db import connection

from benchmarks import bare, copies, elsewhere, running, workflows
from benchmarks.rounds import Case
from django_durable.models import Workflow

AT_A_TIME = 16
TABLE = "django_durable_workflow"
TAKE = f"""
    UPDATE {TABLE} SET status = 'PENDING', claim = claim + 1 WHERE id IN (
        SELECT id FROM {TABLE} WHERE status = 'ENQUEUED' AND queue_name = 'default'
        ORDER BY priority DESC, run_after LIMIT {AT_A_TIME}{{locking}})
"""


def cases(*, quick: bool, peer: str | None = None) -> Iterator[Case]:
    """Return what to measure."""
    queued, finished = (5_000, 50_000) if quick else (100_000, 1_000_000)
    claims = 20 if quick else 100
    for ended in (0, finished):
        yield Case(
            f"claim of {AT_A_TIME}: {queued:,} queued, {ended:,} finished",
            "ms",
            lambda ended=ended: milliseconds(queued, ended, claims),
            lambda ended=ended: bare_milliseconds(queued, ended, claims),
        )


def milliseconds(queued: int, finished: int, claims: int) -> list[float]:
    """Return how long each claim takes."""
    fill(queued, finished)
    definition = workflows.in_sequence
    pairs, rows = [(definition.name, definition.version)], Workflow.objects
    found = []
    for _ in range(claims):
        seconds = running.seconds_for(
            lambda: rows.claim(uuid4(), pairs, limit=AT_A_TIME)
        )
        found.append(1000 * seconds)
    return found


def bare_milliseconds(queued: int, finished: int, claims: int) -> float:
    """Return how long a claim takes at least."""
    fill(queued, finished)
    locking = " FOR UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else ""
    statement = TAKE.format(locking=locking)
    with bare.cursor() as execute:

        def take() -> None:
            for _ in range(claims):
                execute(statement)

        take()
        return 1000 * running.seconds_for(take) / claims


def fill(queued: int, finished: int) -> None:
    """Have so many rows of each kind, by copies of one."""
    elsewhere.dismiss()
    if not Workflow.objects.exists():
        workflows.in_sequence.start(1)
    Workflow.objects.exclude(status=Workflow.Status.SUCCESS).update(
        status=Workflow.Status.ENQUEUED
    )
    for status, number in (("ENQUEUED", queued), ("SUCCESS", finished)):
        there = Workflow.objects.filter(status=status).count()
        copies.multiply(Workflow, number - there, f"{uuid4()}-", "id", status=status)
    copies.analyze()
