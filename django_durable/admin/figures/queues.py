"""How long the queues are, and who holds what."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

from django.db import connections

from django_durable.admin.figures.statements import CAP, Count, count_of, select
from django_durable.limits import Limits
from django_durable.models import Workflow, sql
from django_durable.models.heads import queues_in_use
from django_durable.models.status import Status
from django_durable.models.tables import QUEUE, QUEUE_START
from django_durable.models.usage import TAKEN, Usage

MOST_QUEUES = 200
NONE = Count(0)
NO_LIMITS = Limits()

# From each queue to the next one; of each, only so much as is counted. What is held
# stands below, by queue and worker, and then what is stated: of these queues all, of
# those with nothing in them the first, those that are paused before others.
_LOAD = """
WITH RECURSIVE {queues},
named AS (SELECT name FROM queues WHERE name IS NOT NULL LIMIT {most}),
held AS ({held}),
stated AS (SELECT * FROM {queue} WHERE {is_stated} AND (
    name IN (SELECT name FROM named) OR name IN (SELECT queue_name FROM held)
    OR name IN (SELECT name FROM {queue} WHERE {is_stated}
                ORDER BY paused_at IS NULL, paused_at, name LIMIT {most})))
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
UNION ALL {stated}
"""
# What is stated of queues by name, and what those run that have a limit for that.
_HOLDS = """
WITH stated AS (SELECT * FROM {queue} WHERE {is_stated} AND name IN ({names}))
{stated}
UNION ALL
SELECT 'held', queue_name, NULL, COUNT(*), NULL, NULL FROM {workflow}
WHERE {taken}
  AND queue_name IN (SELECT name FROM stated WHERE concurrency IS NOT NULL)
GROUP BY queue_name
"""
_IS_STATED = "(paused_at IS NOT NULL OR concurrency IS NOT NULL OR rate IS NOT NULL)"
_STATED = """
SELECT 'paused', name, paused_by, 0, paused_at, pause_reason
FROM stated WHERE paused_at IS NOT NULL
UNION ALL
SELECT 'most', name, NULL, concurrency, NULL, NULL
FROM stated WHERE concurrency IS NOT NULL
UNION ALL
SELECT 'rate', name, CAST(period AS TEXT), rate, NULL, NULL
FROM stated WHERE rate IS NOT NULL
UNION ALL
SELECT 'started', name, NULL,
       (SELECT COALESCE(SUM(number), 0) FROM {starts}
        WHERE queue_name = stated.name AND started_at > {begin}),
       (SELECT MIN(started_at) FROM {starts}
        WHERE queue_name = stated.name AND started_at > {begin}),
       NULL
FROM stated WHERE rate IS NOT NULL
"""
_BEGIN = "%s::timestamptz - stated.period * INTERVAL '1 second'"
_BEGIN_SQLITE = (
    "strftime('%%Y-%%m-%%d %%H:%%M:%%f', %s, '-' || stated.period || ' seconds')"
)


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue: what is ready in it, since when, what of it runs, what holds it."""

    name: str
    depth: Count = NONE
    oldest_at: datetime | None = None
    running: Count = NONE
    paused_at: datetime | None = None
    paused_by: str = ""
    pause_reason: str = ""
    limits: Limits = NO_LIMITS
    started: int = 0
    started_since: datetime | None = None

    @property
    def usage(self) -> Usage | None:
        """How much of its limits it has used; None of one without limits."""
        if self.limits == NO_LIMITS:
            return None
        number = self.running.number
        return Usage(self.name, self.limits, number, self.started, self.started_since)

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
    statement = _LOAD.format(
        **_parts(using),
        queues=queues_in_use(sql.table(Workflow)),
        worker="worker_id::text" if sql.is_postgresql(connection) else "worker_id",
        held=held,
        most=MOST_QUEUES,
        cap=CAP + 1,
    )
    moment = sql.stamp(connection, now)
    return _load(sql.fetch(connection, statement, [*params, *[moment] * 4]))


def holds_statement(
    using: str, names: Collection[str], now: datetime
) -> tuple[str, list[Any]]:
    """Return what tells, with ``queues_of()``, how the queues of these names are held.

    Each row begins with a word, and has six columns.
    """
    names_given = ", ".join(["%s"] * len(names))
    statement = _HOLDS.format(**_parts(using), names=names_given, taken=TAKEN)
    return statement, [*names, *[sql.stamp(connections[using], now)] * 2]


def holds(using: str, names: Collection[str], now: datetime) -> dict[str, Queue]:
    """Return those of these queues that somebody has paused or limited, by name."""
    found = sql.fetch(connections[using], *holds_statement(using, names, now))
    return {queue.name: queue for queue in queues_of(found)}


def _parts(using: str) -> dict[str, str]:
    is_postgresql = sql.is_postgresql(connections[using])
    begin = _BEGIN if is_postgresql else _BEGIN_SQLITE
    return {
        "queue": QUEUE,
        "workflow": sql.table(Workflow),
        "is_stated": _IS_STATED,
        "stated": _STATED.format(starts=QUEUE_START, begin=begin),
    }


def _load(rows: list[sql.Row]) -> Load:
    workers = [row for row in rows if row[0] == "held"]
    held: dict[UUID, int] = defaultdict(int)
    for _kind, _name, who, number, _at, _more in workers:
        if who is not None:
            held[UUID(who)] += number
    total = count_of(sum(row[3] for row in workers))
    since = [at for row in workers if (at := sql.moment(row[4])) is not None]
    return Load(queues_of(rows), dict(held), total, min(since, default=None))


def queues_of(rows: Iterable[sql.Row]) -> tuple[Queue, ...]:
    """Return the queues that the rows of a statement are about, by their names."""
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    running: dict[str, int] = defaultdict(int)
    limits: dict[str, dict[str, Any]] = defaultdict(dict)
    for kind, name, who, number, at, more in rows:
        moment: Any = sql.moment(at)
        if kind == "held":
            running[name] += number
        elif kind == "most":
            limits[name] |= {"concurrency": number}
        elif kind == "rate":
            limits[name] |= {"rate": number, "period": float(who)}
        elif kind == "queued":
            found[name] |= {"depth": count_of(number), "oldest_at": moment}
        elif kind == "started":
            found[name] |= {"started": number, "started_since": moment}
        else:
            paused = {"paused_by": who, "pause_reason": more}
            found[name] |= {"paused_at": moment, **paused}
    return tuple(
        Queue(
            name,
            running=count_of(running[name]),
            limits=Limits(**limits[name]),
            **found[name],
        )
        for name in sorted({*found, *running, *limits})
    )
