"""What a workflow publishes: in one commit with its checkpoint, strictly fenced.

A message, an event or stream entries go in only while the claim is the newest
and the workflow PENDING, checked under the lock of its row. On PostgreSQL that
is one statement for any number of publications of one kind; rows that somebody
else has locked are skipped, and come back as busy. On SQLite it is one
transaction. A step inside publishes without a checkpoint of its own.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from django.db import IntegrityError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from django_durable.models import sql
from django_durable.models.checkpoint import (
    CASTS,
    COLUMNS,
    NO_CONFLICT,
    Checkpoint,
    Recorded,
    Verdict,
    values_of,
)
from django_durable.models.hints import NO_HINT, Hint
from django_durable.models.status import Standing, Status
from django_durable.models.tables import STEP, WORKFLOW

Values = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Publication(ABC):
    """What one call publishes.

    ``checkpoint`` is the row of its step; its ``error`` is recorded instead when
    what it publishes is refused. Without ``records`` it only says who publishes:
    the inside of a step, which records nothing by itself.
    """

    checkpoint: Checkpoint
    records: bool = True

    # Statements of PostgreSQL, over v (checkpoints, numbered i) and x (payload,
    # numbered n); d holds the rows of v that were let in.
    columns: ClassVar[str]
    casts: ClassVar[str]
    locks: ClassVar[str] = ""
    refusal: ClassVar[str]
    effects: ClassVar[str]
    reached: ClassVar[str] = "0"

    @property
    def batch_key(self) -> object:
        """Two publications of one key never share a statement."""
        return self.checkpoint.place if self.records else id(self)

    @property
    def watched(self) -> str | None:
        """The key of the stream that this is for, ``""`` for what a feed tells."""
        return None

    @property
    @abstractmethod
    def targets(self) -> list[str]:
        """The names of what this ends the wait for."""

    @abstractmethod
    def payload(self) -> list[Values]:
        """Return the rows of x, as lists of values of ``columns`` after i."""

    @abstractmethod
    def refuse(self, connection: BaseDatabaseWrapper) -> str | None:
        """Return the error to record, where the database does not say (SQLite)."""

    @abstractmethod
    def publish(self, connection: BaseDatabaseWrapper) -> int:
        """Write the payload, where statements have no CTEs that write (SQLite).

        Returns the next offset of the stream, 0 for what is none.
        """


_STATEMENT = f"""
WITH v AS MATERIALIZED (SELECT * FROM {{rows}} AS v({COLUMNS}, i)),
x AS MATERIALIZED (SELECT * FROM {{parts}} AS x(i, {{columns}}, n)),
l AS MATERIALIZED (
    SELECT id, claim, status FROM {WORKFLOW}
    WHERE id {{among}} ORDER BY id FOR NO KEY UPDATE {{skip}}),
{{locks}}
s AS ({{steps}}),
d AS MATERIALIZED (
    SELECT v.* FROM v JOIN s ON s.i = v.i WHERE s.error IS NULL),
{{effects}}
SELECT s.i, l.claim, l.status, s.error, {{reached}}{{hint}}
FROM s JOIN v ON v.i = s.i JOIN l ON l.id = v.workflow_id
"""
# Who is let in, with a checkpoint of its own ...
_RECORDED = """
SELECT v.i, inserted.error FROM v JOIN inserted USING (workflow_id, branch, step_id)
"""
_INSERTED = f"""
inserted AS (
    INSERT INTO {STEP} ({COLUMNS})
    SELECT v.workflow_id, v.branch, v.step_id, v.claim, v.name, v.kind, v.output,
           {{refusal}}, v.child_id, v.worker_id, v.started_at, v.completed_at
    FROM v JOIN l ON l.id = v.workflow_id AND l.claim = v.claim
     AND l.status = 'PENDING'
    ORDER BY v.workflow_id, v.branch, v.step_id
    {NO_CONFLICT} RETURNING workflow_id, branch, step_id, error),
"""
# ... and without one.
_BARE = """
SELECT v.i, {refusal} AS error
FROM v JOIN l ON l.id = v.workflow_id AND l.claim = v.claim AND l.status = 'PENDING'
"""


@cache
def statement_of(
    kind: type[Publication],
    *,
    records: bool,
    waits: bool,
    is_one: bool = False,
    has_one_part: bool = False,
    hint: str = "",
) -> str:
    """Return the statement of PostgreSQL for publications of one kind.

    For ``is_one`` row, and one row of payload in all, with plain values instead of
    arrays: those take the client and the server a third longer.
    """
    refusal = kind.refusal.format(workflow=WORKFLOW)
    locks = kind.locks + (_INSERTED.format(refusal=refusal) if records else "")
    return _STATEMENT.format(
        rows=_source(CASTS, is_one=is_one),
        parts=_source(f"%s::int[], {kind.casts}", is_one=has_one_part),
        columns=kind.columns,
        among="= %s" if is_one else "= ANY(%s::text[])",
        skip="" if waits else "SKIP LOCKED",
        locks=locks,
        steps=_RECORDED if records else _BARE.format(refusal=refusal),
        effects=kind.effects.strip().rstrip(","),
        reached=kind.reached,
        hint=hint,
    )


def _source(casts: str, *, is_one: bool) -> str:
    if is_one:
        return f"(VALUES ({casts.replace('[]', '')}, 1))"
    return f"unnest({casts}) WITH ORDINALITY"


def store(
    connection: BaseDatabaseWrapper,
    rows: Sequence[Publication],
    *,
    waits: bool = False,
    hint: Hint = NO_HINT,
) -> list[Recorded | None]:
    """Store publications of one kind; None for each that did not go in.

    A recorded one brings its checkpoint as it was written: with an error when
    it was refused. With ``waits``, which takes a transaction, and within one, the
    locks of rows are waited for.
    """
    found: dict[int, Recorded] = {}
    if not sql.is_postgresql(connection):
        with transaction.atomic(using=connection.alias):
            found = dict(_store_each(connection, rows))
    elif waits or connection.in_atomic_block:
        # In a statement of its own: what was committed while it waited is then
        # in the snapshot of the next one.
        _lock(connection, rows)
        found = dict(_store_in_one(connection, rows, waits=True, hint=hint))
    else:
        # Refused is a statement that has met news that it could not see; its rows
        # are as good as busy.
        with suppress(IntegrityError):
            found = dict(_store_in_one(connection, rows, waits=False, hint=hint))
    return [found.get(number) for number in range(len(rows))]


def _lock(connection: BaseDatabaseWrapper, rows: Sequence[Publication]) -> None:
    ids = sql.array({row.checkpoint.workflow_id for row in rows})
    sql.fetch(
        connection,
        f"SELECT id FROM {WORKFLOW} WHERE id = ANY(%s::text[])"
        " ORDER BY id FOR NO KEY UPDATE",
        [ids],
    )


def _store_in_one(
    connection: BaseDatabaseWrapper,
    rows: Sequence[Publication],
    *,
    waits: bool,
    hint: Hint = NO_HINT,
) -> Iterator[tuple[int, Recorded]]:
    values = [values_of(connection, row.checkpoint) for row in rows]
    payload = [
        (number, *parts)
        for number, row in enumerate(rows, 1)
        for parts in row.payload()
    ]
    params = [*_columns(values), *_columns(payload)]
    ids = {row.checkpoint.workflow_id for row in rows}
    params.append(sql.array(ids) if len(rows) > 1 else ids.pop())
    statement = statement_of(
        type(rows[0]),
        records=rows[0].records,
        waits=waits,
        is_one=len(rows) == 1,
        has_one_part=len(payload) == 1,
        hint=hint.column,
    )
    params += hint.params
    for number, claim, status, error, reached, *_ in sql.fetch_hot(
        connection, statement, params
    ):
        written = rows[number - 1].checkpoint._replace(error=error)
        standing = Standing(claim, status)
        yield number - 1, Recorded(Verdict.RECORDED, standing, written, reached)


def _columns(rows: Sequence[Values]) -> Sequence[Any]:
    """Return what ``_source()`` takes: one row as it is, or many as columns."""
    return rows[0] if len(rows) == 1 else sql.arrays(rows)


_INSERT_ONE = f"""
INSERT INTO {STEP} ({COLUMNS}) VALUES ({", ".join(["%s"] * 12)})
{NO_CONFLICT} RETURNING step_id
"""


def _store_each(
    connection: BaseDatabaseWrapper, rows: Sequence[Publication]
) -> Iterator[tuple[int, Recorded]]:
    for number, row in enumerate(rows):
        held = sql.fetch(
            connection,
            f"SELECT claim, status FROM {WORKFLOW} WHERE id = %s",
            [row.checkpoint.workflow_id],
        )
        if held != [(row.checkpoint.claim, Status.PENDING.value)]:
            continue
        written = row.checkpoint._replace(error=row.refuse(connection))
        if row.records:
            values = values_of(connection, written)
            if not sql.fetch(connection, _INSERT_ONE, values):
                continue
        reached = row.publish(connection) if written.error is None else 0
        yield number, Recorded(Verdict.RECORDED, Standing(*held[0]), written, reached)
