"""The other hot statement: the outcome of a workflow, one row or many."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

from django_durable.models import sql
from django_durable.models.hints import NO_HINT, Hint
from django_durable.models.tables import WORKFLOW


class Outcome(NamedTuple):
    """How an execution ended."""

    workflow_id: str
    claim: int
    status: str
    output: str | None
    error: str | None
    completed_at: datetime


# Locked rows are skipped, never waited for: the caller tries those again alone.
_POSTGRESQL = f"""
WITH v AS MATERIALIZED (
    SELECT * FROM {{rows}} AS v(id, claim, status, output, error, completed_at)),
l AS MATERIALIZED (
    SELECT id, claim FROM {WORKFLOW}
    WHERE id {{among}} AND status = 'PENDING'
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
UPDATE {WORKFLOW} AS w
SET status = v.status, output = v.output, error = v.error,
    completed_at = v.completed_at, changed_at = v.completed_at, wake_at = NULL,
    seconds_ran = w.seconds_ran + GREATEST(0, EXTRACT(EPOCH FROM
        v.completed_at - w.changed_at))
FROM v JOIN l ON l.id = v.id AND l.claim = v.claim
WHERE w.id = v.id AND w.status = 'PENDING'
RETURNING w.id{{hint}}
"""
_CASTS = (
    "%s::text[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::timestamptz[]"
)
_MANY = {"rows": f"unnest({_CASTS})", "among": "= ANY(%s::text[])"}
_ONE = {"rows": f"(VALUES ({_CASTS.replace('[]', '')}))", "among": "= %s"}
_SQLITE = f"""
UPDATE {WORKFLOW}
SET status = v.status, output = v.output, error = v.error,
    completed_at = v.completed_at, changed_at = v.completed_at, wake_at = NULL,
    seconds_ran = seconds_ran + MAX(0,
        (julianday(v.completed_at) - julianday(changed_at)) * 86400.0)
FROM (SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS claim,
             json_extract(value, '$[2]') AS status,
             json_extract(value, '$[3]') AS output,
             json_extract(value, '$[4]') AS error,
             json_extract(value, '$[5]') AS completed_at
      FROM json_each(%s)) AS v
WHERE {WORKFLOW}.id = v.id AND {WORKFLOW}.claim = v.claim
  AND {WORKFLOW}.status = 'PENDING'
RETURNING id
"""


def store(
    connection: BaseDatabaseWrapper, rows: Sequence[Outcome], hint: Hint = NO_HINT
) -> set[str]:
    """Store outcomes behind the strict fence; return the ids that took."""
    values = [_values(connection, row) for row in rows]
    if sql.is_postgresql(connection):
        params, form = [*values[0], rows[0].workflow_id], _ONE
        if len(rows) > 1:
            columns = sql.arrays(values)
            params, form = [*columns, columns[0]], _MANY
        statement = _POSTGRESQL.format(**form, hint=hint.column)
        found = sql.fetch_hot(connection, statement, [*params, *hint.params])
    else:
        found = sql.fetch_hot(connection, _SQLITE, [json.dumps(values)])
    return {workflow_id for workflow_id, *_ in found}


def _values(connection: BaseDatabaseWrapper, row: Outcome) -> list[Any]:
    return [
        row.workflow_id,
        row.claim,
        row.status,
        row.output,
        row.error,
        sql.stamp(connection, row.completed_at),
    ]
