"""Leaving memory, and going back to the queue: one statement each on PostgreSQL.

Locked rows are skipped, never waited for: the caller tries those again alone. What
either side looks at after its commit is asked in statements of its own (I6).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from django_durable.models import sql
from django_durable.models.hints import NO_HINT, Hint
from django_durable.models.tables import WAIT, WORKFLOW
from django_durable.models.targets import Target

FIELDS = (
    *("branch", "step_id", "target", "kind", "awaited_id", "key", "offset"),
    *("is_human", "schema", "wake_at"),
)
COLUMNS = ", ".join(f'"{field}"' for field in FIELDS)


@dataclass(frozen=True, slots=True)
class WaitRow:
    """One thing that one place of a workflow waits for."""

    branch: str
    step_id: int
    target: Target
    wake_at: datetime | None = None

    def values(self) -> tuple[Any, ...]:
        """Return what is stored, in the order of ``FIELDS``."""
        target = self.target
        return (
            self.branch,
            self.step_id,
            target.name,
            target.kind.value,
            target.workflow_id,
            target.key,
            target.offset,
            target.is_human,
            target.schema,
            self.wake_at,
        )


_CASTS = (
    "%s::text[], %s::int[], %s::text[], %s::text[], %s::text[], %s::text[],"
    " %s::bigint[], %s::boolean[], %s::text[], %s::timestamptz[]"
)
_SECONDS = "GREATEST(0, EXTRACT(EPOCH FROM %s::timestamptz - w.changed_at))"

# It got so far without killing its worker: suspicion ends here. What is waited for
# since earlier keeps its first deadline.
_SUSPEND = f"""
WITH v AS MATERIALIZED (SELECT * FROM {{rows}} AS v({COLUMNS})),
l AS MATERIALIZED (
    SELECT id FROM {WORKFLOW} WHERE id = %s AND claim = %s AND status = 'PENDING'
    FOR NO KEY UPDATE SKIP LOCKED),
u AS (
    UPDATE {WORKFLOW} AS w
    SET status = 'WAITING', wake_at = %s::timestamptz, stalls = 0,
        recovery_attempts = 0, worker_id = NULL,
        seconds_ran = w.seconds_ran + {_SECONDS}, changed_at = %s::timestamptz
    FROM l WHERE w.id = l.id AND w.status = 'PENDING' RETURNING w.id),
gone AS (
    DELETE FROM {WAIT} AS t USING u WHERE t.workflow_id = u.id AND NOT EXISTS (
        SELECT 1 FROM v WHERE v.branch = t.branch AND v.step_id = t.step_id
        AND v.target = t.target)),
kept AS (
    INSERT INTO {WAIT} (workflow_id, {COLUMNS}) SELECT u.id, v.* FROM u CROSS JOIN v
    ON CONFLICT (workflow_id, branch, step_id, target) DO NOTHING)
SELECT id FROM u
"""
_ONE = _SUSPEND.format(rows=f"(VALUES ({_CASTS.replace('[]', '')}))")
_MANY = _SUSPEND.format(rows=f"unnest({_CASTS})")


def suspend(
    connection: BaseDatabaseWrapper,
    workflow_id: str,
    claim: int,
    rows: Sequence[WaitRow],
    *,
    wake_at: datetime | None,
    now: datetime,
) -> bool:
    """Move a held workflow to WAITING for these; False when it could not at once."""
    values = [row.values() for row in rows]
    waits: Sequence[Any]
    if len(values) == 1:
        statement, waits = _ONE, values[0]
    else:
        statement = _MANY
        waits = sql.arrays(values) or ["{}"] * _CASTS.count("%s")
    params = [*waits, workflow_id, claim, wake_at, now, now]
    return bool(sql.fetch_hot(connection, statement, params))


_QUEUE = f"""
WITH l AS MATERIALIZED (
    SELECT id FROM {WORKFLOW}
    WHERE id = ANY(%s::text[]) AND claim = COALESCE(%s::bigint, claim)
      AND status = 'WAITING'
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
UPDATE {WORKFLOW} AS w
SET status = 'ENQUEUED', wake_at = NULL,
    seconds_waited = w.seconds_waited + {_SECONDS}, changed_at = %s::timestamptz
FROM l WHERE w.id = l.id AND w.status = 'WAITING'
RETURNING w.id{{hint}}
"""


def queue(
    connection: BaseDatabaseWrapper,
    ids: Sequence[str],
    claim: int | None,
    *,
    now: datetime,
    hint: Hint = NO_HINT,
) -> set[str]:
    """Move those that wait, and that nobody has locked, to the queue."""
    statement = _QUEUE.format(hint=hint.column)
    params = [sql.array(ids), claim, now, now, *hint.params]
    return {pk for pk, *_ in sql.fetch_hot(connection, statement, params)}
