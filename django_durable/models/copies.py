"""What a fork takes along: rows of its origin, as they were at one step.

Steps first. Everything else follows the steps that were kept: each row names the
place that wrote it, and what a recorded place has written never changes.
"""

from typing import Any, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Q, QuerySet

from django_durable.models.checkpoint import COLUMNS


class Cut(NamedTuple):
    """The step of a branch before which everything is kept."""

    workflow_id: str
    branch: str
    step_id: int

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing is kept: then the copy is a restart."""
        return not self.branch and self.step_id == 1


class Tables(NamedTuple):
    """The names of the tables, quoted."""

    steps: str
    attempts: str
    history: str
    events: str
    streams: str
    entries: str
    messages: str


# Of the branch itself by number; of the other branches by time, as the journal
# stood when the recorded execution of the step began: whatever a kept step can
# have seen was recorded before. Claims come first: two workers have two clocks.
_STEPS = f"""
INSERT INTO {{steps}} ({COLUMNS})
SELECT CAST(%s AS text), s.branch, s.step_id, s.claim, s.name, s.kind, s.output,
       s.error, s.child_id, s.worker_id, s.started_at, s.completed_at
FROM {{steps}} AS s LEFT JOIN {{steps}} AS f
  ON f.workflow_id = s.workflow_id AND f.branch = %s AND f.step_id = %s
WHERE s.workflow_id = %s AND CASE WHEN s.branch = %s THEN s.step_id < %s
    ELSE f.step_id IS NULL OR s.claim < f.claim
      OR (s.claim = f.claim AND s.completed_at <= f.started_at) END
"""
_KEPT = """
JOIN {steps} AS k ON k.workflow_id = %s
 AND k.branch = x.branch AND k.step_id = x.step_id
WHERE x.workflow_id = %s
"""
_ATTEMPTS = f"""
INSERT INTO {{attempts}}
    (workflow_id, branch, step_id, attempt, error, failed_at, next_at)
SELECT k.workflow_id, x.branch, x.step_id, x.attempt, x.error, x.failed_at, x.next_at
FROM {{attempts}} AS x {_KEPT}
"""
_HISTORY = f"""
INSERT INTO {{history}} (workflow_id, key, branch, step_id, value, set_at)
SELECT k.workflow_id, x.key, x.branch, x.step_id, x.value, x.set_at
FROM {{history}} AS x {_KEPT}
"""
_ENTRIES = f"""
INSERT INTO {{entries}} (workflow_id, key, "offset", value, branch, step_id, attempt,
    claim, written_at)
SELECT k.workflow_id, x.key,
       row_number() OVER (PARTITION BY x.key ORDER BY x."offset") - 1,
       x.value, x.branch, x.step_id, x.attempt, x.claim, x.written_at
FROM {{entries}} AS x {_KEPT}
"""
_MESSAGES = """
INSERT INTO {messages} (destination_id, topic, message, idempotency_key,
    consumed_branch, consumed_by, sent_at)
SELECT k.workflow_id, x.topic, x.message, x.idempotency_key, x.consumed_branch,
       x.consumed_by, x.sent_at
FROM {messages} AS x JOIN {steps} AS k ON k.workflow_id = %s
 AND k.branch = x.consumed_branch AND k.step_id = x.consumed_by
WHERE x.destination_id = %s ORDER BY x.id
"""
_OF_KEPT = (_ATTEMPTS, _HISTORY, _ENTRIES, _MESSAGES)

# Out of what the copy has by now.
_EVENTS = """
INSERT INTO {events} (workflow_id, key, value, updated_at)
SELECT workflow_id, key, value, set_at FROM (
    SELECT h.workflow_id, h.key, h.value, h.set_at, row_number() OVER (
        PARTITION BY h.key ORDER BY k.claim DESC, h.set_at DESC, h.step_id DESC) AS n
    FROM {history} AS h JOIN {steps} AS k ON k.workflow_id = h.workflow_id
     AND k.branch = h.branch AND k.step_id = h.step_id
    WHERE h.workflow_id = %s) AS newest_first
WHERE n = 1
"""
_STREAMS = """
INSERT INTO {streams}
    (workflow_id, key, next_offset, is_closed, closed_branch, closed_by)
SELECT CAST(%s AS text), x.key, coalesce(e.many, 0), k.step_id IS NOT NULL,
       coalesce(k.branch, ''), k.step_id
FROM {streams} AS x
LEFT JOIN {steps} AS k ON k.workflow_id = %s
  AND k.branch = x.closed_branch AND k.step_id = x.closed_by
LEFT JOIN (SELECT key, count(*) AS many FROM {entries} WHERE workflow_id = %s
           GROUP BY key) AS e ON e.key = x.key
WHERE x.workflow_id = %s AND (e.many IS NOT NULL OR k.step_id IS NOT NULL)
"""


def kept(steps: QuerySet[Any], cut: Cut) -> Q:
    """Say of the steps of a workflow what _STEPS says, before anything is copied."""
    earlier = Q(branch=cut.branch, step_id__lt=cut.step_id)
    first = steps.filter(branch=cut.branch, step_id=cut.step_id).first()
    if first is None:
        return earlier | ~Q(branch=cut.branch)
    before = Q(claim=first.claim, completed_at__lte=first.started_at)
    return earlier | ~Q(branch=cut.branch) & (Q(claim__lt=first.claim) | before)


def keep(
    connection: BaseDatabaseWrapper, cut: Cut, workflow_id: str, tables: Tables
) -> None:
    """Copy to ``workflow_id`` what was there before the cut."""
    origin, branch, step_id = cut
    names = tables._asdict()
    place: list[Any] = [branch, step_id]
    with connection.cursor() as cursor:
        cursor.execute(_STEPS.format(**names), [workflow_id, *place, origin, *place])
        for statement in _OF_KEPT:
            cursor.execute(statement.format(**names), [workflow_id, origin])
        cursor.execute(_EVENTS.format(**names), [workflow_id])
        cursor.execute(_STREAMS.format(**names), [*[workflow_id] * 3, origin])
