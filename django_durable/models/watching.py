"""What many watchers of streams ask at once: one statement for all of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from django_durable.models import sql
from django_durable.models.status import TERMINAL
from django_durable.models.tables import ENTRY, STREAM, WORKFLOW


@dataclass(frozen=True, slots=True)
class Wanted:
    """A stream, and the first offset that somebody wants of it."""

    workflow_id: str
    key: str
    offset: int


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as it is stored; without its ``value`` when that is too large."""

    offset: int
    value: str | None
    size: int
    branch: str
    step_id: int
    attempt: int
    claim: int
    written_at: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look found: ``status`` is None where there is no such workflow.

    ``created_at`` tells it from a workflow that had its id before.
    """

    status: str | None
    created_at: datetime | None
    next_offset: int
    is_closed: bool
    entries: list[StoredEntry] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Tell whether nothing more can be written."""
        return self.is_closed or self.status is None or self.status in TERMINAL


def see(
    connection: BaseDatabaseWrapper,
    wanted: Sequence[Wanted],
    *,
    limit: int,
    largest: int,
) -> list[Seen]:
    """Look at streams: at most ``limit`` entries of each, values up to ``largest``.

    Offsets are dense, so that a range of them bounds what is read, whatever plan
    the database chooses.
    """
    statement, params = _statement(connection, wanted, limit, largest)
    fetch = sql.fetch_hot if len(wanted) == 1 else sql.fetch
    found: dict[int, Seen] = {}
    for number, status, created_at, next_offset, is_closed, *entry in fetch(
        connection, statement, params
    ):
        seen = found.get(number)
        if seen is None:
            seen = found[number] = Seen(
                status, sql.moment(created_at), next_offset, bool(is_closed)
            )
        if entry[0] is not None:
            seen.entries.append(_entry(entry))
    return [found[number] for number in range(len(wanted))]


def earliest_offset(
    connection: BaseDatabaseWrapper, workflow_id: str, key: str
) -> int | None:
    """Return the offset of the first entry that is kept, None without any."""
    found = sql.fetch_hot(
        connection,
        f'SELECT min("offset") FROM {ENTRY} WHERE workflow_id = %s AND key = %s',
        [workflow_id, key],
    )
    return found[0][0]  # type: ignore[no-any-return]


_COLUMNS = """
SELECT v.i, w.status, w.created_at, coalesce(s.next_offset, 0), s.is_closed IS TRUE,
    e."offset", CASE WHEN {size} <= %s THEN e.value END, {size},
    e.branch, e.step_id, e.attempt, e.claim, e.written_at
"""
_JOINS = f"""
LEFT JOIN {WORKFLOW} AS w ON w.id = v.workflow_id
LEFT JOIN {STREAM} AS s ON s.workflow_id = v.workflow_id AND s.key = v.key
LEFT JOIN {ENTRY} AS e ON e.workflow_id = v.workflow_id AND e.key = v.key
    AND e."offset" >= v.first AND e."offset" < v.first + %s
ORDER BY v.i, e."offset"
"""


def _statement(
    connection: BaseDatabaseWrapper, wanted: Sequence[Wanted], limit: int, largest: int
) -> tuple[str, list[Any]]:
    rows = list(_rows(wanted))
    columns = _COLUMNS.format(size=sql.size_of(connection, "e.value"))
    if sql.is_postgresql(connection):
        source = "unnest(%s::int[], %s::text[], %s::text[], %s::bigint[])"
        source = f"FROM {source} AS v(i, workflow_id, key, first)"
        return f"{columns} {source} {_JOINS}", [largest, *sql.arrays(rows), limit]
    places = ", ".join(["(%s, %s, %s, %s)"] * len(rows))
    source = f"WITH v(i, workflow_id, key, first) AS (VALUES {places})"
    flat = [value for row in rows for value in row]
    return f"{source} {columns} FROM v {_JOINS}", [*flat, largest, limit]


def _rows(wanted: Sequence[Wanted]) -> Iterable[tuple[int, str, str, int]]:
    for number, one in enumerate(wanted):
        # Beyond what the column holds there is nothing; the sum must fit as well.
        yield number, one.workflow_id, one.key, min(one.offset, 2**62)


def _entry(row: list[Any]) -> StoredEntry:
    offset, value, size, branch, step_id, attempt, claim, written_at = row
    moment = sql.moment(written_at)
    assert moment is not None
    return StoredEntry(offset, value, size, branch, step_id, attempt, claim, moment)
