"""What a claim may take: the heads of the queues, as far as limits leave them.

For SQLite, where a claim is a transaction that nobody else writes beside.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from django.db import connections, models

from django_durable.models import code, compiled, sql
from django_durable.models.compiled import Selection
from django_durable.models.queue import Queue
from django_durable.models.status import Status
from django_durable.models.tables import QUEUE
from django_durable.models.taking import Claimed, HeldBack
from django_durable.models.usage import Usage, note_starts

# Workers lost in a row without a new checkpoint before a workflow runs alone.
STALLS_BEFORE_QUARANTINE = 2


@dataclass(frozen=True, slots=True)
class Asked:
    """What a claim asks for; see ``claim()``."""

    definitions: Collection[tuple[str, str]]
    limit: int
    queues: Sequence[str] | None
    now: datetime


@dataclass(frozen=True, slots=True)
class Head:
    """A workflow that may be taken."""

    priority: int
    run_after: datetime
    id: str
    started_at: datetime | None
    queue_name: str

    @property
    def order(self) -> tuple[int, datetime, str]:
        """The place among others: what is smallest goes first."""
        return -self.priority, self.run_after, self.id

    @property
    def is_new(self) -> bool:
        """Tell whether nobody has taken it yet."""
        return self.started_at is None


@dataclass(frozen=True, slots=True)
class Heads:
    """What may be taken now, and how much of which limits is used."""

    rows: Sequence[Head]
    used: dict[str, Usage]
    held_back: Sequence[HeldBack]

    def note_starts(self, using: str, now: datetime) -> None:
        """Write down what starts in queues with a rate."""
        new = Counter(row.queue_name for row in self.rows if row.is_new)
        for name, number in new.items():
            if name in self.used and (period := self.used[name].limits.period):
                note_starts(using, name, period, number, now)

    def marked(self, taken: Sequence[Claimed]) -> list[Claimed]:
        """Return what was taken from limited queues with a mark."""
        few = {
            name
            for name, usage in self.used.items()
            if usage.limits.concurrency is not None
        }
        return [
            replace(row, is_limited=True) if row.queue_name in few else row
            for row in taken
        ]


class HeadQuerySet(models.QuerySet[Any]):
    """Looks at the queues that are not paused."""

    def _first_ready(self, asked: Asked) -> Heads:
        """Merge the heads of the queues: each is read in index order."""
        queues = [
            queue
            for queue in self._queues_in_use(_OPEN)
            if asked.queues is None or queue[0] in asked.queues
        ]
        limited = [name for name, is_limited in queues if is_limited]
        used = self._used(limited, asked.now) if limited else {}
        rows: list[Head] = []
        held_back: list[HeldBack] = []
        for name, _ in queues:
            usage = used.get(name)
            found = (
                self._heads_of(name, asked) if not (usage and usage.holds_all) else []
            )
            if usage is not None:
                found, held = _within(usage, found, asked)
                held_back += held
            rows += found
        rows.sort(key=lambda head: head.order)
        return Heads(rows[: asked.limit], used, held_back)

    def _heads_of(self, name: str, asked: Asked) -> list[Head]:
        given = {"now": asked.now, "suspect": STALLS_BEFORE_QUARANTINE}
        given |= code.given(asked.definitions)
        found = _heads(asked.limit)(self, queue=name, **given)
        return [
            Head(priority, run_after, pk, started_at, name)
            for priority, run_after, pk, started_at in found
        ]

    def _used(self, names: Sequence[str], now: datetime) -> dict[str, Usage]:
        queues = Queue.objects.using(self.db).filter(name__in=names)
        return {usage.queue_name: usage for usage in queues.usage(now)}

    def _has_ready(self, now: datetime) -> list[sql.Row]:
        """Return nothing, or of one queue with something ready if it is limited."""
        connection = connections[self.db]
        table = sql.table(self.model)
        statement = _ANY_READY.format(
            queues=queues_in_use(table), open=_OPEN, workflow=table
        )
        return sql.fetch_hot(connection, statement, [sql.stamp(connection, now)])

    def _queues_in_use(self, names: str) -> list[sql.Row]:
        part = queues_in_use(sql.table(self.model))
        statement = f"WITH RECURSIVE {part} {names}"
        return sql.fetch_hot(connections[self.db], statement)


def _within(
    usage: Usage, found: list[Head], asked: Asked
) -> tuple[list[Head], list[HeldBack]]:
    """Return of the heads of a queue what its limits leave, and if they held any."""
    places = asked.limit if usage.places is None else min(asked.limit, usage.places)
    is_full = places < asked.limit and places <= len(found)
    kept = _may_start(usage, found[:places])
    free_at = usage.free_at(asked.now) if len(kept) < len(found[:places]) else None
    held = HeldBack(usage.queue_name, is_full=is_full, free_at=free_at)
    return kept, [held] if is_full or free_at else []


def _may_start(usage: Usage, found: list[Head]) -> list[Head]:
    """Behind one that may not start yet, nothing of its queue goes on."""
    starts = usage.starts
    if starts is None:
        return found
    for place, head in enumerate(found):
        if head.is_new:
            if not starts:
                return found[:place]
            starts -= 1
    return found


@cache
def _heads(limit: int) -> Selection:
    return Selection(
        lambda rows: (
            rows.filter(
                code.runnable_given(),
                queue_name=compiled.text("queue"),
                status=Status.ENQUEUED,
                run_after__lte=compiled.moment("now"),
                stalls__lt=compiled.number("suspect"),
            )
            .order_by("-priority", "run_after")
            .values_list("priority", "run_after", "pk", "started_at")[:limit]
        )
    )


# From each queue to the next one, however many rows are in them.
_QUEUES = """
    SELECT min(queue_name) FROM {workflow} WHERE status = 'ENQUEUED'
    UNION ALL
    SELECT (SELECT min(queue_name) FROM {workflow}
            WHERE status = 'ENQUEUED' AND queue_name > queues.name)
    FROM queues WHERE queues.name IS NOT NULL
"""
# Whoever claims may take from these, of all that have rows.
_OPEN = f"""
    SELECT queues.name, q.concurrency IS NOT NULL OR q.rate IS NOT NULL AS is_limited
    FROM queues LEFT JOIN {QUEUE} AS q ON q.name = queues.name
    WHERE queues.name IS NOT NULL AND q.paused_at IS NULL
"""
_ANY_READY = """
WITH RECURSIVE {queues}
SELECT is_limited FROM ({open}) AS queue WHERE EXISTS (
    SELECT 1 FROM {workflow}
    WHERE status = 'ENQUEUED' AND queue_name = queue.name AND run_after <= %s)
LIMIT 1
"""


def queues_in_use(table: str) -> str:
    """Return the part of a ``WITH RECURSIVE`` that finds the queues with rows."""
    return f"queues(name) AS ({_QUEUES.format(workflow=table)})"
