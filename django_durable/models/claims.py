"""Who executes what: claims."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections, models, transaction
from django.db.models import Count, Exists, F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce

from django_durable import clock
from django_durable.models import claiming, code, compiled, sql
from django_durable.models.compiled import Change, OneOf, Rows, Selection
from django_durable.models.expressions import SecondsSince
from django_durable.models.heads import (
    STALLS_BEFORE_QUARANTINE,
    Asked,
    HeadQuerySet,
    queues_in_use,
)
from django_durable.models.queue import Queue
from django_durable.models.status import Standing, Status
from django_durable.models.taking import Claimed, HeldBack, Taking

__all__ = ["Claimed", "HeldBack", "Taking"]


class ClaimQuerySet(HeadQuerySet):
    """The questions of workers. Every change names the state that it expects."""

    def claim(
        self,
        worker_id: UUID,
        definitions: Collection[tuple[str, str]],
        *,
        limit: int,
        queues: Sequence[str] | None = None,
        now: datetime | None = None,
        expects_limits: bool = False,
    ) -> Taking:
        """Take up to ``limit`` ready workflows that run one of ``definitions``.

        ``definitions`` are (name, version) pairs, the version "*" for any;
        ``queues`` None means all; from those that are paused nothing is taken, and
        from those with limits only what these leave. In the order of priority,
        then ``run_after``; of those taken at once, what was due at one moment in
        the order of the ids.
        Should the answer get lost, ``disown()`` puts back what was taken. Whoever
        ``expects_limits`` saves a statement where there are some.
        """
        if limit < 1 or not definitions:
            return Taking()
        asked = Asked(definitions, limit, queues, clock.now() if now is None else now)
        if sql.is_postgresql(connections[self.db]):
            return self._claim_skipping_locked(worker_id, asked, expects_limits)
        ready = self._has_ready(asked.now)
        if not ready:
            return Taking()  # A look takes no write lock.
        if ready[0][0] and not (heads := self._first_ready(asked)).rows:
            return Taking((), heads.held_back)  # Nor where limits hold all.
        with transaction.atomic(using=self.db):
            heads = self._first_ready(asked)
            taken = self._claim_ids(
                worker_id, [row.id for row in heads.rows], asked.now
            )
            heads.note_starts(self.db, asked.now)
        return Taking(heads.marked(taken), heads.held_back)

    def claim_suspect(
        self,
        worker_id: UUID,
        workflow_id: str,
        definitions: Collection[tuple[str, str]],
    ) -> list[Claimed]:
        """Take one workflow that has to run alone, if it is ready."""
        limited = Queue.objects.using(self.db).limited()
        ready = self.suspects().filter(code.runnable(definitions), pk=workflow_id)
        asked = ready.values_list(
            "pk", "queue_name", Exists(limited.filter(name=OuterRef("queue_name")))
        )
        with transaction.atomic(using=self.db):
            if sql.has_fixed_snapshot(connections[self.db]):
                sql.read_committed(connections[self.db])
            found = asked.first()
            if found is None:
                return []
            if not found[2]:
                return self._claim_ids(worker_id, [workflow_id], clock.now())
            return self._claim_within(limited.filter(name=found[1]), worker_id, ready)

    def _claim_within(
        self,
        queue: models.QuerySet[Queue],
        worker_id: UUID,
        ready: models.QuerySet[Any],
    ) -> list[Claimed]:
        """Take one workflow of a limited queue, which nobody else claims from."""
        # Who holds a queue must not wait for those who wait for it.
        sql.limit_lock_wait(connections[self.db])
        held = queue
        if connections[self.db].features.has_select_for_update:
            held = queue.select_for_update(no_key=True, skip_locked=True)
        if not held.values_list("pk", flat=True):
            return []
        # Only now is known who else is executed.
        found = list(ready.values_list("pk", flat=True))
        taken = self._claim_ids(worker_id, found, clock.now())
        if taken:
            queue.update(claims=F("claims") + 1)
        return [replace(row, is_limited=True) for row in taken]

    def disown(self, worker_id: UUID, claimed_at: datetime) -> int:
        """Put back, uncounted, what a claim took whose answer got lost."""
        taken = self.filter(
            worker=worker_id, status=Status.PENDING, changed_at=claimed_at
        )
        return taken.update(status=Status.ENQUEUED, worker=None, claim=F("claim") + 1)

    def suspects(self) -> models.QuerySet[Any]:
        """Keep the queued workflows that workers died of, of queues that are open."""
        return _suspects(self)

    def first_suspect(
        self,
        definitions: Collection[tuple[str, str]],
        queues: Sequence[str] | None,
    ) -> str | None:
        """Return the queued suspect that has waited longest."""
        given: dict[str, Any] = code.given(definitions)
        if queues is None:
            found = _FIRST_SUSPECT(self, **given)
        else:
            found = _FIRST_SUSPECT_OF_QUEUES(self, **given, queues=queues)
        return found[0][0] if found else None

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

    def _claim_skipping_locked(
        self, worker_id: UUID, asked: Asked, expects_limits: bool
    ) -> Taking:
        connection, table = connections[self.db], sql.table(self.model)
        has_queues = asked.queues is not None
        values = claiming.parameters(asked, worker_id)
        if not expects_limits:
            statement = claim_statement(table, with_queues=has_queues)
            found = sql.fetch_hot(connection, statement, values)
            *_, has_met_limits, _, _ = found[0]
            if not has_met_limits:
                return claiming.taking(found, has_met_limits=False)
        statement = claim_statement(table, with_queues=has_queues, within_limits=True)
        # Not prepared: a plan for all values would sort whole queues.
        found = sql.fetch(connection, statement, values)
        return claiming.taking(found, has_met_limits=True)

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
_FIRST_SUSPECT = Selection(lambda rows: _first_suspect(rows))
_FIRST_SUSPECT_OF_QUEUES = Selection(
    lambda rows: _first_suspect(
        rows.filter(OneOf("queue_name", compiled.texts("queues")))
    )
)


def _first_suspect(rows: Rows) -> Rows:
    ready = _suspects(rows).filter(code.runnable_given())
    return ready.order_by("run_after").values_list("pk")[:1]


def _suspects(rows: Rows) -> Rows:
    held = rows.model._default_manager.using(rows.db).filter(
        status=Status.PENDING,
        changed_at__gte=F("run_after"),  # See usage.TAKEN.
        queue_name=OuterRef("name"),
    )
    running = held.order_by().values("queue_name").values(number=Count("pk"))
    is_full = Q(
        concurrency__isnull=False,
        concurrency__lte=Coalesce(Subquery(running), Value(0)),
    )
    closed = Queue.objects.using(rows.db).filter(is_full | Q(paused_at__isnull=False))
    return rows.filter(
        ~Exists(closed.filter(name=OuterRef("queue_name"))),
        status=Status.ENQUEUED,
        stalls__gte=STALLS_BEFORE_QUARANTINE,
    )


def claim_statement(
    table: str, *, with_queues: bool, within_limits: bool = False
) -> str:
    """Return the claim of PostgreSQL; its plan is tested."""
    given = "queues(name) AS (SELECT DISTINCT unnest(%(queues)s::text[]))"
    queues = given if with_queues else queues_in_use(table)
    return claiming.statement(table, queues, within_limits=within_limits)
