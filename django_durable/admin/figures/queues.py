"""How long the queues are, and who holds what."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

from django.db import connections

from django_durable.admin.figures.statements import CAP, Count, count_of, select
from django_durable.models import Workflow, sql
from django_durable.models.heads import queues_in_use
from django_durable.models.status import Status
from django_durable.models.tables import QUEUE

MOST_QUEUES = 200
NONE = Count(0)

# From each queue to the next one; of each, only so much as is counted. What is held
# stands below, by queue and worker, and then what is paused: of these queues all, of
# those with nothing in them the first.
_STATEMENT = """
WITH RECURSIVE {queues},
named AS (SELECT name FROM queues WHERE name IS NOT NULL LIMIT {most}),
held AS ({held})
SELECT 'queued', name, NULL,
       (SELECT COUNT(*) FROM (SELECT 1 AS one FROM {workflow}
        WHERE status = 'ENQUEUED' AND queue_name = named.name AND run_after <= %s
        LIMIT {cap}) AS found),
       (SELECT MIN(found.run_after) FROM (SELECT run_after FROM {workflow}
        WHERE status = 'ENQUEUED' AND queue_name = named.name AND run_after <= %s
        LIMIT {cap}) AS found),
       NULL
FROM named
UNION ALL
SELECT 'held', queue_name, {worker}, COUNT(*), MIN(changed_at), NULL
FROM held GROUP BY queue_name, worker_id
UNION ALL
SELECT 'paused', name, paused_by, 0, paused_at, pause_reason
FROM {queue} WHERE paused_at IS NOT NULL AND (
    name IN (SELECT name FROM named) OR name IN (SELECT queue_name FROM held)
    OR name IN (SELECT name FROM {queue} WHERE paused_at IS NOT NULL
                ORDER BY paused_at LIMIT {most}))
"""


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue: what is ready in it, since when, what of it runs, who paused it."""

    name: str
    depth: Count = NONE
    oldest_at: datetime | None = None
    running: Count = NONE
    paused_at: datetime | None = None
    paused_by: str = ""
    pause_reason: str = ""

    @property
    def key(self) -> str:
        """What stands for the name in places where it cannot be made visible."""
        return blake2b(self.name.encode(errors="replace"), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Load:
    """The queues by name, and what each worker holds."""

    queues: tuple[Queue, ...] = ()
    held: dict[UUID, int] = field(default_factory=dict)
    running: Count = NONE
    running_since: datetime | None = None

    @property
    def queued(self) -> Count:
        """What is ready in all queues together."""
        return sum((queue.depth for queue in self.queues), NONE)

    @property
    def oldest_at(self) -> datetime | None:
        """Since when the oldest of it is ready."""
        moments = [each.oldest_at for each in self.queues if each.oldest_at]
        return min(moments, default=None)


def load(using: str, now: datetime) -> Load:
    """Count what is queued and what is held, by one statement."""
    connection = connections[using]
    pending = Workflow.objects.filter(status=Status.PENDING).order_by("worker_id")
    columns = pending.values_list("queue_name", "worker_id", "changed_at")
    held, params = select(using, columns[: CAP + 1])
    statement = _STATEMENT.format(
        queues=queues_in_use(sql.table(Workflow)),
        workflow=sql.table(Workflow),
        worker="worker_id::text" if sql.is_postgresql(connection) else "worker_id",
        held=held,
        queue=QUEUE,
        most=MOST_QUEUES,
        cap=CAP + 1,
    )
    moment = sql.stamp(connection, now)
    return _load(sql.fetch(connection, statement, [*params, moment, moment]))


def _load(rows: list[tuple[Any, ...]]) -> Load:
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    held: dict[UUID, int] = defaultdict(int)
    running: dict[str, int] = defaultdict(int)
    since: list[datetime] = []
    for kind, name, who, number, at, reason in rows:
        moment: Any = sql.moment(at)
        if kind == "queued":
            found[name] |= {"depth": count_of(number), "oldest_at": moment}
        elif kind == "paused":
            paused = {"paused_by": who, "pause_reason": reason}
            found[name] |= {"paused_at": moment, **paused}
        else:
            running[name] += number
            since += filter(None, [moment])
            if who is not None:
                held[UUID(who)] += number
    queues = tuple(
        Queue(name, running=count_of(running.get(name)), **found.get(name, {}))
        for name in sorted({*found, *running})
    )
    total = count_of(sum(running.values()))
    return Load(queues, dict(held), total, min(since, default=None))
