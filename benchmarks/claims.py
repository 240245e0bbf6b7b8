"""Does a claim become slower with the rows that are finished?

A claim takes 16 of 100,000 queued workflows, first beside none and then beside a
million that have ended. The limit takes as many with the barest statements.
"""

from collections.abc import Iterator
from uuid import uuid4

from django.db import connection, transaction

from benchmarks import bare, elsewhere, running, workflows
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
    ready = Workflow.objects.filter(status=Workflow.Status.ENQUEUED)
    _copy(queued - ready.count(), "ENQUEUED")
    ended = Workflow.objects.filter(status=Workflow.Status.SUCCESS)
    _copy(finished - ended.count(), "SUCCESS")


def _copy(number: int, status: str) -> None:
    """Insert copies of a row by one statement."""
    if number <= 0:
        return
    columns = [field.column for field in Workflow._meta.local_concrete_fields]
    other = {"id": "'copy-' || %s || '-' || copies.number", "status": "%s"}
    wanted = ", ".join(other.get(column, column) for column in columns)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE copies(number) AS (SELECT 1 UNION ALL"
            f" SELECT number + 1 FROM copies WHERE number < {number})"
            f" INSERT INTO {TABLE} ({', '.join(columns)})"
            f" SELECT {wanted} FROM copies,"
            f" (SELECT * FROM {TABLE} LIMIT 1) AS one",
            [str(uuid4()), status],
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
