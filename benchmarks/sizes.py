"""How much room do a workflow and a step take in the database?

What finished ones leave behind: rows, indexes and the room of old versions.
"""

from collections.abc import Iterator

from django.db import connection

from benchmarks import elsewhere, running, throughput, workflows
from benchmarks.peers import dbos
from benchmarks.rounds import Case

STEPS = 10


def cases(*, quick: bool, peer: str | None = None) -> Iterator[Case]:
    """Return what to measure."""
    number = 300 if quick else 2000
    share = number // dbos.SHARE
    yield Case(
        "database per workflow without steps",
        "kB",
        lambda: kilobytes(number, 0),
        peer=dbos.peer(peer, "size", share, 0),
        rounds=1,
    )
    yield Case(
        f"database per workflow with {STEPS} steps",
        "kB",
        lambda: kilobytes(number, STEPS),
        peer=dbos.peer(peer, "size", share, STEPS),
        rounds=1,
    )


def kilobytes(number: int, steps: int) -> float:
    """Return what a workflow adds."""
    with elsewhere.workers(**throughput.SETTINGS):
        before = _bytes()
        running.drain_seconds(workflows.in_sequence, number, steps)
        return (_bytes() - before) / number / 1000


def _bytes() -> int:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            tables = connection.introspection.django_table_names()
            cursor.execute(
                "SELECT sum(pg_total_relation_size(name::regclass))::bigint"
                " FROM unnest(%s::text[]) AS name",
                [tables],
            )
            return int(cursor.fetchone()[0])
        cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
        cursor.execute(
            "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
        )
        return int(cursor.fetchone()[0])
