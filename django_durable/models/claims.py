"""Who executes what: claims."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Coalesce

from django_durable import clock
from django_durable.models import code, compiled, sql
from django_durable.models.code import ANY_VERSION, runnable
from django_durable.models.compiled import Change, OneOf, Selection
from django_durable.models.expressions import SecondsSince
from django_durable.models.queue import PAUSED, Queue
from django_durable.models.status import Standing, Status

# Workers lost in a row without a new checkpoint before a workflow runs alone.
STALLS_BEFORE_QUARANTINE = 2


@dataclass(frozen=True, slots=True)
class Claimed:
    """What an execution knows of the row that it has taken."""

    id: str
    name: str
    version: str
    inputs: str
    claim: int
    deadline: datetime | None = None
    parent_id: str | None = None
    queue_name: str = ""
    traceparent: str | None = None

    @property
    def is_first(self) -> bool:
        """Tell whether no execution can have recorded anything before this one."""
        return self.claim == 1


class ClaimQuerySet(models.QuerySet[Any]):
    """The questions of workers. Every change names the state that it expects."""

    def claim(
        self,
        worker_id: UUID,
        definitions: Collection[tuple[str, str]],
        *,
        limit: int,
        queues: Sequence[str] | None = None,
        now: datetime | None = None,
    ) -> list[Claimed]:
        """Take up to ``limit`` ready workflows that run one of ``definitions``.

        ``definitions`` are (name, version) pairs, the version "*" for any;
        ``queues`` None means all; from those that are paused nothing is taken. In
        the order of priority, then ``run_after``; of those taken at once, what was
        due at one moment in the order of the ids.
        Should the answer get lost, ``disown()`` puts back what was taken.
        """
        if limit < 1 or not definitions:
            return []
        now = clock.now() if now is None else now
        connection = connections[self.db]
        if sql.is_postgresql(connection):
            return _claim_skipping_locked(
                connection,
                sql.table(self.model),
                worker_id,
                definitions,
                limit,
                queues,
                now,
            )
        if not self._has_ready(now):
            return []  # A look takes no write lock.
        with transaction.atomic(using=self.db):
            found = self._first_ready(definitions, limit, queues, now)
            return self._claim_ids(worker_id, found, now)

    def claim_suspect(
        self,
        worker_id: UUID,
        workflow_id: str,
        definitions: Collection[tuple[str, str]],
    ) -> list[Claimed]:
        """Take one workflow that has to run alone, if it is ready."""
        ready = self.suspects().filter(runnable(definitions), pk=workflow_id)
        with transaction.atomic(using=self.db):
            found = list(ready.values_list("pk", flat=True))
            return self._claim_ids(worker_id, found, clock.now())

    def disown(self, worker_id: UUID, claimed_at: datetime) -> int:
        """Put back, uncounted, what a claim took whose answer got lost."""
        taken = self.filter(
            worker=worker_id, status=Status.PENDING, changed_at=claimed_at
        )
        return taken.update(status=Status.ENQUEUED, worker=None, claim=F("claim") + 1)

    def suspects(self) -> models.QuerySet[Any]:
        """Keep the queued workflows that workers died of, of queues not paused."""
        paused = Queue.objects.using(self.db).paused()
        return self.filter(
            ~Exists(paused.filter(name=OuterRef("queue_name"))),
            status=Status.ENQUEUED,
            stalls__gte=STALLS_BEFORE_QUARANTINE,
        )

    def first_suspect(
        self,
        definitions: Collection[tuple[str, str]],
        queues: Sequence[str] | None,
    ) -> str | None:
        """Return the queued suspect that has waited longest."""
        ready = self.suspects().filter(runnable(definitions)).order_by("run_after")
        if queues is not None:
            ready = ready.filter(queue_name__in=queues)
        return ready.values_list("pk", flat=True).first()

    def standing(self, workflow_id: str) -> Standing | None:
        """Return claim and status of one workflow, None when it is gone."""
        found = sql.fetch_hot(
            connections[self.db],
            f"SELECT claim, status FROM {sql.table(self.model)} WHERE id = %s",
            [workflow_id],
        )
        return Standing(*found[0]) if found else None

    def ending(self, workflow_id: str) -> sql.Row:
        """Return status, output, error, reason of a cancellation, recovery attempts.

        Raises DoesNotExist.
        """
        found = sql.fetch_hot(
            connections[self.db],
            "SELECT status, output, error, cancel_reason, recovery_attempts"
            f" FROM {sql.table(self.model)} WHERE id = %s",
            [workflow_id],
        )
        if not found:
            raise self.model.DoesNotExist(workflow_id)
        return found[0]

    @contextmanager
    def locked(self, workflow_id: str) -> Iterator[Standing | None]:
        """Hold a workflow's row for a block; commits at its end."""
        with transaction.atomic(using=self.db):
            yield self.lock(workflow_id)

    def lock(self, workflow_id: str) -> Standing | None:
        """Return claim and status, locked until this transaction ends."""
        connection = connections[self.db]
        sql.limit_lock_wait(connection)
        rows = self.filter(pk=workflow_id)
        if connection.features.has_select_for_update:
            rows = rows.select_for_update(no_key=True)
        found = rows.values_list("claim", "status").first()
        return Standing(*found) if found else None

    def _first_ready(
        self,
        definitions: Collection[tuple[str, str]],
        limit: int,
        queues: Sequence[str] | None,
        now: datetime,
    ) -> list[str]:
        """Merge the heads of the queues: each is read in index order."""
        ready = self._queues_in_use(_OPEN)
        if queues is not None:
            ready = [queue for queue in ready if queue in queues]
        given = {"now": now, "suspect": STALLS_BEFORE_QUARANTINE}
        given |= code.given(definitions)
        heads: list[sql.Row] = []
        for queue in ready:
            heads += _heads(limit)(self, queue=queue, **given)
        heads.sort(key=lambda head: (-head[0], *head[1:]))
        return [pk for _, _, pk in heads[:limit]]

    def _has_ready(self, now: datetime) -> bool:
        connection = connections[self.db]
        table = sql.table(self.model)
        statement = _ANY_READY.format(
            queues=queues_in_use(table), open=_OPEN, workflow=table
        )
        return bool(sql.fetch_hot(connection, statement, [sql.stamp(connection, now)]))

    def _queues_in_use(self, names: str = "SELECT name FROM queues") -> list[str]:
        part = queues_in_use(sql.table(self.model))
        statement = f"WITH RECURSIVE {part} {names}"
        found = sql.fetch_hot(connections[self.db], statement)
        return [queue for (queue,) in found if queue is not None]

    def _claim_ids(
        self, worker_id: UUID, ids: Sequence[str], now: datetime
    ) -> list[Claimed]:
        if not ids:
            return []
        _TAKE(self, ids=ids, worker=worker_id, now=now)
        taken = _TAKEN(self, ids=ids, worker=worker_id)
        return sorted(
            [Claimed(*row) for row in taken], key=lambda row: ids.index(row.id)
        )


_NOW = compiled.moment("now")
_WORKER = compiled.uuid("worker")
_AMONG = OneOf("pk", compiled.texts("ids"))


@cache
def _heads(limit: int) -> Selection:
    return Selection(
        lambda rows: (
            rows.filter(
                code.runnable_given(),
                queue_name=compiled.text("queue"),
                status=Status.ENQUEUED,
                run_after__lte=_NOW,
                stalls__lt=compiled.number("suspect"),
            )
            .order_by("-priority", "run_after")
            .values_list("priority", "run_after", "pk")[:limit]
        )
    )


_TAKE = Change(
    lambda rows: rows.filter(_AMONG, status=Status.ENQUEUED),
    status=Status.PENDING,
    worker=_WORKER,
    claim=F("claim") + 1,
    wake_at=None,
    seconds_queued=F("seconds_queued") + SecondsSince(_NOW, queued=True),
    started_at=Coalesce("started_at", _NOW),
    changed_at=_NOW,
)
_TAKEN = Selection(
    lambda rows: rows.filter(_AMONG, status=Status.PENDING, worker=_WORKER).values_list(
        *("pk", "name", "version", "inputs", "claim", "deadline", "parent_id"),
        *("queue_name", "traceparent"),
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
    SELECT name FROM queues WHERE name IS NOT NULL AND name NOT IN ({PAUSED})
"""
_ANY_READY = """
WITH RECURSIVE {queues}
SELECT 1 FROM ({open}) AS queue WHERE EXISTS (
    SELECT 1 FROM {workflow}
    WHERE status = 'ENQUEUED' AND queue_name = queue.name AND run_after <= %s)
LIMIT 1
"""


def queues_in_use(table: str) -> str:
    """Return the part of a ``WITH RECURSIVE`` that finds the queues with rows."""
    return f"queues(name) AS ({_QUEUES.format(workflow=table)})"


# Each queue is walked in the order of its index; nothing but the heads of the
# queues is ever sorted.
_CLAIM = """
WITH RECURSIVE queues(name) AS ({queues}),
ready AS MATERIALIZED (
    SELECT head.id FROM ({open}) AS queue
    CROSS JOIN LATERAL (
        SELECT id, priority, run_after FROM {workflow}
        WHERE status = 'ENQUEUED' AND queue_name = queue.name
          AND run_after <= %(now)s AND stalls < {stalls}
          AND ((name, version) IN (SELECT * FROM unnest(%(names)s::text[],
                                                        %(versions)s::text[]))
               OR name = ANY(%(any_version)s::text[]))
        ORDER BY priority DESC, run_after LIMIT %(limit)s
        FOR NO KEY UPDATE SKIP LOCKED) AS head
    ORDER BY head.priority DESC, head.run_after LIMIT %(limit)s)
UPDATE {workflow} AS w
SET status = 'PENDING', worker_id = %(worker)s, claim = w.claim + 1, wake_at = NULL,
    seconds_queued = w.seconds_queued + GREATEST(0, EXTRACT(EPOCH FROM
        %(now)s::timestamptz - GREATEST(w.changed_at, w.run_after))),
    started_at = COALESCE(w.started_at, %(now)s), changed_at = %(now)s
FROM ready WHERE w.id = ready.id AND w.status = 'ENQUEUED'
RETURNING w.id, w.name, w.version, w.inputs, w.claim, w.deadline, w.parent_id,
    w.queue_name, w.traceparent, -w.priority, w.run_after
"""


def claim_statement(table: str, *, with_queues: bool) -> str:
    """Return the claim of PostgreSQL; its plan is tested."""
    queues = "SELECT unnest(%(queues)s::text[])" if with_queues else _QUEUES
    return _CLAIM.format(
        queues=queues.format(workflow=table),
        open=_OPEN,
        workflow=table,
        stalls=STALLS_BEFORE_QUARANTINE,
    )


def claim_parameters(
    definitions: Collection[tuple[str, str]],
    limit: int,
    queues: Sequence[str] | None,
    now: datetime,
    worker_id: UUID,
) -> dict[str, Any]:
    """Return the values that belong to ``claim_statement()``."""
    exact = [pair for pair in definitions if pair[1] != ANY_VERSION]
    return {
        "now": now,
        "names": sql.array(name for name, _ in exact),
        "versions": sql.array(version for _, version in exact),
        "any_version": sql.array(n for n, known in definitions if known == ANY_VERSION),
        "limit": limit,
        "queues": sql.array(queues or ()),
        "worker": worker_id,
    }


def _claim_skipping_locked(
    connection: BaseDatabaseWrapper,
    table: str,
    worker_id: UUID,
    definitions: Collection[tuple[str, str]],
    limit: int,
    queues: Sequence[str] | None,
    now: datetime,
) -> list[Claimed]:
    statement = claim_statement(table, with_queues=queues is not None)
    values = claim_parameters(definitions, limit, queues, now, worker_id)
    # What an UPDATE returns is in no order. Of two rows that are due at the same
    # moment, the older id goes first.
    found = sql.fetch_hot(connection, statement, values)
    rows = sorted(found, key=lambda row: (*row[-2:], row[0]))
    return [Claimed(*row[:-2]) for row in rows]
