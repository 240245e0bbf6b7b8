"""The hot statement: a checkpoint behind a fence, one row or many.

Nothing is read before it; what it returns also tells the workflow's status, so
that cancellation is learnt for free. ``ON CONFLICT`` makes a repeated attempt
harmless, whether or not the first one was committed.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple
from uuid import UUID

from django.db.backends.base.base import BaseDatabaseWrapper

from django_durable.models import sql
from django_durable.models.status import Standing
from django_durable.models.tables import STEP, WORKFLOW


class Checkpoint(NamedTuple):
    """The outcome of one step, as it is written and as it is replayed."""

    workflow_id: str
    branch: str
    step_id: int
    claim: int
    name: str
    kind: str
    output: str | None
    error: str | None
    child_id: str | None
    worker_id: UUID | None
    started_at: datetime
    completed_at: datetime

    @property
    def place(self) -> tuple[str, str, int]:
        """Where it stands: unique over all workflows."""
        return self.workflow_id, self.branch, self.step_id


class Verdict(Enum):
    """What became of a guarded write."""

    RECORDED = "it is written"
    CONFLICT = "another execution recorded this place first"
    FENCED = "somebody else has taken the workflow"
    STOPPED = "the workflow is no longer PENDING"
    BUSY = "somebody holds the row's lock: try alone"


class Recorded(NamedTuple):
    """A verdict with what it rests on.

    ``reached`` is the next offset of a stream that was written to, where known.
    """

    verdict: Verdict
    standing: Standing | None = None
    checkpoint: Checkpoint | None = None
    reached: int = 0


COLUMNS = (
    "workflow_id, branch, step_id, claim, name, kind, output, error, child_id,"
    " worker_id, started_at, completed_at"
)
CASTS = (
    "%s::text[], %s::text[], %s::int[], %s::bigint[], %s::text[], %s::text[],"
    " %s::text[], %s::text[], %s::text[], %s::uuid[], %s::timestamptz[],"
    " %s::timestamptz[]"
)
NO_CONFLICT = "ON CONFLICT (workflow_id, branch, step_id) DO NOTHING"
_VALUES = f"id, %s, %s, claim{', %s' * 8}"

# One row (PostgreSQL). {lock} and {state} make the fence strict.
_ONE_POSTGRESQL = f"""
WITH w AS MATERIALIZED (
    SELECT id, claim, status FROM {WORKFLOW} WHERE id = %s {{lock}}),
s AS (INSERT INTO {STEP} ({COLUMNS})
      SELECT id, %s, %s::int, claim, %s, %s, %s, %s, %s, %s::uuid,
             %s::timestamptz, %s::timestamptz
      FROM w WHERE claim = %s {{state}} {NO_CONFLICT} RETURNING step_id)
SELECT w.claim, w.status, s.step_id FROM w JOIN s ON true
"""
_ONE_SQLITE = f"""
INSERT INTO {STEP} ({COLUMNS})
SELECT {_VALUES} FROM {WORKFLOW} WHERE id = %s AND claim = %s {{state}} {NO_CONFLICT}
RETURNING claim, (SELECT status FROM {WORKFLOW} w WHERE w.id = workflow_id)
"""

_MANY_POSTGRESQL = f"""
WITH v AS MATERIALIZED (
    SELECT * FROM unnest({CASTS}) AS v({COLUMNS})),
w AS MATERIALIZED (
    SELECT id, claim, status FROM {WORKFLOW} WHERE id = ANY(%s::text[])),
s AS (INSERT INTO {STEP} ({COLUMNS})
      SELECT v.* FROM v JOIN w ON w.id = v.workflow_id AND w.claim = v.claim
      ORDER BY v.workflow_id, v.branch, v.step_id
      {NO_CONFLICT} RETURNING workflow_id, branch, step_id)
SELECT s.workflow_id, s.branch, s.step_id, w.claim, w.status
FROM s JOIN w ON w.id = s.workflow_id
"""
_FROM_JSON = ", ".join(f"json_extract(value, '$[{index}]')" for index in range(12))
_MANY_SQLITE = f"""
INSERT INTO {STEP} ({COLUMNS})
SELECT {_FROM_JSON} FROM json_each(%s) AS v
JOIN {WORKFLOW} AS w ON w.id = json_extract(v.value, '$[0]')
 AND w.claim = json_extract(v.value, '$[3]')
WHERE true {NO_CONFLICT}
RETURNING workflow_id, branch, step_id, claim,
    (SELECT status FROM {WORKFLOW} w WHERE w.id = workflow_id)
"""


def insert_many(
    connection: BaseDatabaseWrapper, rows: Sequence[Checkpoint]
) -> list[Standing | None]:
    """Insert behind the ordinary fence; a standing for each row that went in."""
    if len(rows) == 1:
        return [_insert_one(connection, rows[0], lock="", state="")]
    if sql.is_postgresql(connection):
        columns = sql.arrays(values_of(connection, row) for row in rows)
        ids = sql.array({row.workflow_id for row in rows})
        found = sql.fetch_hot(connection, _MANY_POSTGRESQL, [*columns, ids])
    else:
        text = json.dumps([values_of(connection, row) for row in rows])
        found = sql.fetch_hot(connection, _MANY_SQLITE, [text])
    went_in = {(pk, branch, n): Standing(*rest) for pk, branch, n, *rest in found}
    return [went_in.get(row.place) for row in rows]


def insert_held(connection: BaseDatabaseWrapper, row: Checkpoint) -> Standing | None:
    """Insert behind the strict fence; its standing when it went in."""
    return _insert_one(
        connection, row, lock="FOR NO KEY UPDATE", state="AND status = 'PENDING'"
    )


def _insert_one(
    connection: BaseDatabaseWrapper, row: Checkpoint, *, lock: str, state: str
) -> Standing | None:
    workflow_id, branch, step_id, claim, *rest = values_of(connection, row)
    if sql.is_postgresql(connection):
        statement = _ONE_POSTGRESQL.format(lock=lock, state=state)
        params = [workflow_id, branch, step_id, *rest, claim]
    else:
        statement = _ONE_SQLITE.format(state=state)
        params = [branch, step_id, *rest, workflow_id, claim]
    found = sql.fetch_hot(connection, statement, params)
    return Standing(*found[0][:2]) if found else None


def values_of(connection: BaseDatabaseWrapper, row: Checkpoint) -> list[Any]:
    """Return a row in the order of ``COLUMNS``, as the driver stores it."""
    return [
        row.workflow_id,
        row.branch,
        row.step_id,
        row.claim,
        row.name,
        row.kind,
        row.output,
        row.error,
        row.child_id,
        sql.uuid_value(connection, row.worker_id),
        sql.stamp(connection, row.started_at),
        sql.stamp(connection, row.completed_at),
    ]
