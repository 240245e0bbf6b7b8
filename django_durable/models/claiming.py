"""The claim of PostgreSQL: one statement, whatever is paused or limited.

There are two of them. The first passes over everything when it meets a queue with
limits; to plan the second takes twice as long, and it is for these.

A queue with limits has a number of claims. The second statement counts what is
executed and started in its own snapshot, then locks the queue if that number is
still the same, and raises it with what it takes. So whoever counted before another
claim committed takes nothing, and nobody waits for a lock.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django_durable.models import heads, sql
from django_durable.models.code import ANY_VERSION
from django_durable.models.heads import Asked
from django_durable.models.tables import QUEUE, QUEUE_START
from django_durable.models.taking import Claimed, HeldBack, Taking
from django_durable.models.usage import (
    ABSURD_SECONDS,
    MARGIN_SECONDS,
    SHORTEST_SLICE_SECONDS,
    SLICES,
    TAKEN,
)

# Each queue is walked in the order of its index; nothing but the heads of the
# queues is ever sorted.
_HEADS = """
    SELECT id, priority, run_after, started_at FROM {workflow}
    WHERE status = 'ENQUEUED' AND queue_name = queue.name
      AND run_after <= %(now)s AND stalls < {stalls}
      AND ((name, version) IN (SELECT * FROM unnest(%(names)s::text[],
                                                    %(versions)s::text[]))
           OR name = ANY(%(any_version)s::text[]))
    ORDER BY priority DESC, run_after LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
"""
_PLAIN = f"""
open AS MATERIALIZED (
    SELECT queues.name, q.concurrency IS NOT NULL OR q.rate IS NOT NULL AS is_limited
    FROM queues LEFT JOIN {QUEUE} AS q ON q.name = queues.name
    WHERE queues.name IS NOT NULL AND q.paused_at IS NULL),
limits AS MATERIALIZED (SELECT EXISTS (SELECT 1 FROM open WHERE is_limited) AS exist),
ready AS MATERIALIZED (
    SELECT head.id FROM open AS queue CROSS JOIN LATERAL ({{heads}}) AS head
    WHERE NOT (SELECT exist FROM limits)
    ORDER BY head.priority DESC, head.run_after LIMIT %(limit)s)
"""
# The executed ones are counted once for all queues, and only where one has a limit.
# Starts are those of the period, and of clocks that are a little ahead; see margin().
_ROOM = f"""
open AS MATERIALIZED (
    SELECT queues.name, q.concurrency, q.rate, q.period, q.claims,
        q.concurrency IS NOT NULL OR q.rate IS NOT NULL AS is_limited
    FROM queues LEFT JOIN {QUEUE} AS q ON q.name = queues.name
    WHERE queues.name IS NOT NULL AND q.paused_at IS NULL),
held AS MATERIALIZED (
    SELECT queue_name, COUNT(*) AS number FROM {{workflow}}
    WHERE {TAKEN}
      AND queue_name IN (SELECT name FROM open WHERE concurrency IS NOT NULL)
    GROUP BY queue_name),
windows AS MATERIALIZED (
    SELECT *, period * interval '1 second' AS length,
        GREATEST(period, {MARGIN_SECONDS}) * interval '1 second' AS margin,
        (GREATEST(period, {MARGIN_SECONDS}) + {ABSURD_SECONDS})
            * interval '1 second' AS horizon
    FROM open WHERE is_limited),
room AS MATERIALIZED (
    SELECT windows.*, begun.oldest_at,
        LEAST(%(limit)s, concurrency - COALESCE(held.number, 0)) AS places,
        CASE WHEN begun.newest_at > %(now)s::timestamptz + margin THEN 0
            ELSE GREATEST(0, rate - COALESCE(begun.number, 0)) END AS starts
    FROM windows LEFT JOIN held ON held.queue_name = windows.name
    CROSS JOIN LATERAL (
        SELECT SUM(number) AS number, MIN(started_at) AS oldest_at,
            MAX(started_at) AS newest_at
        FROM {QUEUE_START} WHERE queue_name = windows.name
          AND started_at > %(now)s::timestamptz - length
          AND started_at <= %(now)s::timestamptz + horizon) AS begun),
limited AS MATERIALIZED (
    SELECT room.* FROM room JOIN {QUEUE} AS q ON q.name = room.name
    WHERE room.places > 0 AND q.claims = room.claims AND q.paused_at IS NULL
    FOR NO KEY UPDATE OF q SKIP LOCKED)
"""
# Behind one that may not start yet, nothing of its queue goes on.
_READY = """
found AS MATERIALIZED (
    SELECT queue.name, queue.concurrency, queue.rate, queue.starts, head.*,
        COUNT(*) FILTER (WHERE head.started_at IS NULL) OVER (
            PARTITION BY queue.name
            ORDER BY head.priority DESC, head.run_after, head.id) AS new
    FROM limited AS queue
    CROSS JOIN LATERAL (
        SELECT * FROM ({heads}) AS head LIMIT queue.places) AS head),
ready AS MATERIALIZED (
    SELECT * FROM (
        SELECT head.id, head.priority, head.run_after, FALSE AS is_new,
            FALSE AS is_limited
        FROM open AS queue CROSS JOIN LATERAL ({heads}) AS head
        WHERE NOT queue.is_limited
        UNION ALL
        SELECT id, priority, run_after, started_at IS NULL, concurrency IS NOT NULL
        FROM found WHERE rate IS NULL OR new <= starts) AS head
    ORDER BY priority DESC, run_after LIMIT %(limit)s)
"""
_TAKEN = """
taken AS (
    UPDATE {workflow} AS w
    SET status = 'PENDING', worker_id = %(worker)s, claim = w.claim + 1,
        wake_at = NULL, changed_at = %(now)s,
        seconds_queued = w.seconds_queued + GREATEST(0, EXTRACT(EPOCH FROM
            %(now)s::timestamptz - GREATEST(w.changed_at, w.run_after))),
        started_at = COALESCE(w.started_at, %(now)s)
    FROM ready WHERE w.id = ready.id AND w.status = 'ENQUEUED'
    RETURNING w.id, w.name, w.version, w.inputs, w.claim, w.deadline, w.parent_id,
        w.queue_name, w.traceparent, -w.priority AS place, w.run_after{more})
"""
_COUNTED = f"""
counted AS (
    UPDATE {QUEUE} AS q SET claims = q.claims + 1 FROM limited
    WHERE q.name = limited.name AND q.name IN (SELECT queue_name FROM taken)),
begun AS MATERIALIZED (
    SELECT limited.name, length, margin, horizon, COUNT(*) AS number,
        FLOOR(EXTRACT(EPOCH FROM %(now)s::timestamptz) / GREATEST(
            limited.period / {SLICES}, {SHORTEST_SLICE_SECONDS})) AS slice
    FROM limited JOIN taken ON taken.queue_name = limited.name AND taken.is_new
    WHERE limited.rate IS NOT NULL
    GROUP BY limited.name, length, margin, horizon, limited.period),
noted AS (
    INSERT INTO {QUEUE_START} AS s (queue_name, slice, started_at, number)
    SELECT name, slice, %(now)s::timestamptz, number FROM begun
    ON CONFLICT (queue_name, slice) DO UPDATE
    SET number = s.number + EXCLUDED.number,
        started_at = GREATEST(s.started_at, EXCLUDED.started_at)),
forgotten AS (
    DELETE FROM {QUEUE_START} AS s USING begun
    WHERE s.queue_name = begun.name AND s.slice <> begun.slice
      AND (s.started_at <= %(now)s::timestamptz - begun.length - begun.margin
           OR s.started_at > %(now)s::timestamptz + begun.horizon))
"""
# Beside the rows, in the same columns: which queues have more than was taken.
_HELD_BACK = """
SELECT NULL, name, CASE WHEN is_busy THEN 'busy' WHEN is_full THEN 'full' END,
    NULL, NULL, free_at, NULL, NULL, NULL, NULL, NULL, NULL
FROM (
    SELECT room.name, places > 0 AND limited.name IS NULL AS is_busy,
        places < %(limit)s AND places <= COALESCE(heads.number, 0) AS is_full,
        CASE WHEN heads.is_late
        THEN length + COALESCE(oldest_at, %(now)s::timestamptz) END AS free_at
    FROM room LEFT JOIN (SELECT name FROM limited) AS limited USING (name)
    LEFT JOIN (
        SELECT name, COUNT(*) AS number,
            BOOL_OR(rate IS NOT NULL AND new > starts) AS is_late
        FROM found GROUP BY name) AS heads USING (name)) AS each
WHERE is_busy OR is_full OR free_at IS NOT NULL
"""
_COLUMNS = """
id, name, version, inputs, claim, deadline, parent_id, queue_name, traceparent
"""
_CLAIM = f"""
WITH RECURSIVE {{queues}}, {_PLAIN}, {_TAKEN}
SELECT {_COLUMNS}, limits.exist, place, run_after FROM limits LEFT JOIN taken ON TRUE
"""
_CLAIM_WITHIN_LIMITS = f"""
WITH RECURSIVE {{queues}}, {_ROOM}, {_READY}, {_TAKEN}, {_COUNTED}
SELECT {_COLUMNS}, is_limited, place, run_after FROM taken UNION ALL {_HELD_BACK}
"""


def statement(workflow: str, queues: str, *, within_limits: bool) -> str:
    """Return the claim from ``queues``, a part of a ``WITH RECURSIVE``."""
    stalls = heads.STALLS_BEFORE_QUARANTINE
    found = _HEADS.format(workflow=workflow, stalls=stalls)
    text = _CLAIM_WITHIN_LIMITS if within_limits else _CLAIM
    more = ", ready.is_limited, ready.is_new" if within_limits else ""
    return text.format(queues=queues, heads=found, workflow=workflow, more=more)


def parameters(asked: Asked, worker_id: UUID) -> dict[str, Any]:
    """Return the values that belong to ``statement()``."""
    exact = [pair for pair in asked.definitions if pair[1] != ANY_VERSION]
    any_version = [n for n, known in asked.definitions if known == ANY_VERSION]
    return {
        "now": asked.now,
        "names": sql.array(name for name, _ in exact),
        "versions": sql.array(version for _, version in exact),
        "any_version": sql.array(any_version),
        "limit": asked.limit,
        "queues": sql.array(asked.queues or ()),
        "worker": worker_id,
    }


def taking(found: Sequence[sql.Row], *, has_met_limits: bool) -> Taking:
    """Read what a claim has returned."""
    # What an UPDATE returns is in no order. Of two rows that are due at the same
    # moment, the older id goes first.
    rows = [row for row in found if row[0] is not None]
    rows.sort(key=lambda row: (*row[-2:], row[0]))
    held_back = [_held_back(row) for row in found if row[0] is None and row[1]]
    return Taking([Claimed(*row[:-2]) for row in rows], held_back, has_met_limits)


def _held_back(row: sql.Row) -> HeldBack:
    _, name, kind, _, _, free_at, *_ = row
    return HeldBack(name, kind == "busy", kind == "full", free_at)
