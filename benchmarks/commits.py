"""The limit: what one connection commits without anything around it."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import uuid4

from django.db import connection

Insert = Callable[[list[Any]], object]

COLUMNS = (
    "workflow_id, branch, step_id, claim, name, kind, output, error, child_id,"
    " worker_id, started_at, completed_at"
)
STATEMENT = f"INSERT INTO django_durable_step ({COLUMNS}) VALUES ({{values}})"
_numbers = count(1)


def commits_per_second(rows: int) -> float:
    """Insert rows like a step's, each in a commit of its own."""
    workflow_id = f"bare-{next(_numbers)}"
    with raw_insert() as insert:
        insert(row(workflow_id, 0))
        started_at = time.perf_counter()
        for step_id in range(1, rows + 1):
            insert(row(workflow_id, step_id))
        return rows / (time.perf_counter() - started_at)


@contextmanager
def raw_insert() -> Iterator[Insert]:
    """Open a connection beside Django's and prepare the insert on it."""
    beside = connection.copy()
    beside.ensure_connection()
    with closing(beside):
        if beside.vendor == "postgresql":
            yield _prepared(beside.connection)
        else:
            text = STATEMENT.format(values=", ".join("?" * 12))
            yield lambda values: beside.connection.execute(text, values)


def _prepared(raw: Any) -> Insert:
    import psycopg

    raw.prepare_threshold = 0  # Django turns prepared statements off.
    cursor = psycopg.Cursor(raw)
    text = STATEMENT.format(values=", ".join(["%s"] * 12))
    return lambda values: cursor.execute(text, values)


def row(workflow_id: str, step_id: int) -> list[Any]:
    """Return the values of a step that did nothing."""
    worker: Any = uuid4()
    now: Any = datetime.now(UTC)
    if connection.vendor != "postgresql":
        worker, now = worker.hex, now.replace(tzinfo=None).isoformat(" ")
    name = "benchmarks.workflows.nothing"
    place = [workflow_id, "", step_id, 1]
    return [*place, name, "step", None, None, None, worker, now, now]
