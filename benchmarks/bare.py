"""The limit: what the bare driver does with the same rows, as durably."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import count
from statistics import median
from typing import Any
from uuid import uuid4

from django.db import connection, models

from django_durable.models import Step, Workflow

Execute = Callable[..., Any]

_numbers = count(1)


def commits_per_second(rows: Sequence[models.Model], *, threads: int = 1) -> float:
    """Insert rows, each in a commit of its own, through a connection per thread."""
    statement, values = insert(rows)
    parts = [values[number::threads] for number in range(threads)]
    ready, began = threading.Barrier(threads + 1), time.perf_counter

    def write(part: Sequence[Sequence[Any]]) -> None:
        with cursor() as execute:
            execute("SELECT 1")
            ready.wait()
            for each in part:
                execute(statement, each)

    writers = [threading.Thread(target=write, args=(part,)) for part in parts]
    for writer in writers:
        writer.start()
    ready.wait()
    started_at = began()
    for writer in writers:
        writer.join()
    return len(rows) / (began() - started_at)


def milliseconds(commits: int, samples: int) -> float:
    """Return how long so many commits of a row like a step's take."""
    return 1000 * commits / commits_per_second(steps(samples))


def milliseconds_after_pauses(commits: int, samples: int, pause: float) -> float:
    """See milliseconds(); before each, client and server have nothing to do.

    A machine that is idle takes up work less quickly.
    """
    statement, values = insert(steps(samples))
    found = []
    with cursor() as execute:
        for each in values:
            time.sleep(pause)
            began_at = time.perf_counter()
            execute(statement, each)
            found.append(time.perf_counter() - began_at)
    return 1000 * commits * median(found)


@contextmanager
def cursor() -> Iterator[Execute]:
    """Open a connection beside Django's, autocommitting, and prepare what it gets."""
    beside = connection.copy()
    beside.ensure_connection()
    with closing(beside):
        if beside.vendor == "postgresql":
            import psycopg

            beside.connection.prepare_threshold = 0  # Django turns them off.
            yield psycopg.Cursor(beside.connection).execute
        else:
            raw = beside.connection
            yield lambda text, values=(): raw.execute(text.replace("%s", "?"), values)


def insert(rows: Sequence[models.Model]) -> tuple[str, list[list[Any]]]:
    """Return the statement that inserts one of these, and the values of each."""
    fields = [field for field in rows[0]._meta.local_concrete_fields if field.column]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    places = ", ".join(["%s"] * len(fields))
    table = rows[0]._meta.db_table
    return f'INSERT INTO "{table}" ({columns}) VALUES ({places})', [
        [
            field.get_db_prep_save(getattr(row, field.attname), connection)
            for field in fields
        ]
        for row in rows
    ]


def steps(number: int) -> list[Step]:
    """Return rows of steps that did nothing."""
    workflow_id, worker, now = f"bare-{next(_numbers)}", uuid4(), datetime.now(UTC)
    return [
        Step(
            workflow_id=workflow_id,
            step_id=step_id,
            claim=1,
            name="benchmarks.workflows.nothing",
            kind=Step.Kind.STEP,
            worker_id=worker,
            started_at=now,
            completed_at=now,
        )
        for step_id in range(1, number + 1)
    ]


def workflows(number: int) -> list[Workflow]:
    """Return rows of workflows that nobody has the code for."""
    now = datetime.now(UTC)
    return [
        Workflow(
            name="nobody's",
            version="1",
            inputs="json:[[1],{}]",
            run_after=now,
            created_at=now,
            changed_at=now,
        )
        for _ in range(number)
    ]
