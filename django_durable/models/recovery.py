"""What has become due, and what dead workers left behind."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import OperationalError, connections, models, transaction
from django.db.models import Count, Exists, F, OuterRef
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact

from django_durable import clock, signals
from django_durable.models import compiled, faults, hints, sql, suspension
from django_durable.models.compiled import Change, OneOf, Rows, Selection
from django_durable.models.expressions import SecondsSince
from django_durable.models.heads import STALLS_BEFORE_QUARANTINE
from django_durable.models.hints import NO_HINT, Hint
from django_durable.models.status import ACTIVE, Status
from django_durable.models.worker import Worker, live_given

BATCH = 1000


@dataclass(frozen=True, slots=True)
class Recovered:
    """What became of a workflow whose worker was lost."""

    id: str
    name: str
    status: str
    stalls: int


class RecoveryQuerySet(models.QuerySet[Any]):
    """The questions of timers and sweeps. Each change names what it expects."""

    def next_due(self) -> datetime | None:
        """Return when the next timer, delayed workflow or deadline becomes due."""
        found = _NEXT_TIMER(self) + _NEXT_DELAYED(self, now=clock.now())
        found += _NEXT_DEADLINE(self)
        return min((moment for (moment,) in found), default=None)

    def wake_forgotten(self) -> int:
        """Queue WAITING workflows that wait for nothing: no row says for what."""
        return self.requeue_waiting([pk for (pk,) in _FORGOTTEN(self)])

    def wake_due(self) -> int:
        """Put back in the queue what waited for a time that has come."""
        total = 0
        while found := [pk for (pk,) in _DUE(self, now=clock.now())]:
            woken = len(self._requeue_free(found))
            total += woken
            if len(found) < BATCH or not woken:
                break
        return total

    def requeue_waiting(self, ids: Iterable[str], *, claim: int | None = None) -> int:
        """Move WAITING workflows (of this ``claim``) to the queue; return how many.

        Workers hear of it on commit. Rows that somebody else has locked get a
        second, single try, so that two wakes never wait for each other; what is
        busy still, is repaired by the sweep.
        """
        ids, total = sorted(ids), 0
        for start in range(0, len(ids), BATCH):
            batch = ids[start : start + BATCH]
            with hints.riding(connections[self.db], [signals.QUEUE]) as hint:
                free = self._requeue_free(batch, claim, hint)
            busy = [pk for pk in batch if pk not in free]
            late = sum(self._requeue_patiently(pk, claim) for pk in busy)
            if free or late:
                is_hinted = bool(hint) and not late
                signals.publish(self.db, signals.QUEUE, is_hinted=is_hinted)
            total += len(free) + late
        return total

    def _requeue_free(
        self, ids: list[str], claim: int | None = None, hint: Hint = NO_HINT
    ) -> set[str]:
        connection = connections[self.db]
        if sql.is_postgresql(connection):
            now = clock.now()
            return suspension.queue(connection, ids, claim, now=now, hint=hint)
        with transaction.atomic(using=self.db):
            free = {pk for (pk,) in _STILL_WAITING(self, ids=ids, claim=claim)}
            if free:
                self._requeue(free, claim)
        return free

    def _requeue_patiently(self, pk: str, claim: int | None) -> int:
        connection = connections[self.db]
        if not _STILL_WAITING(self, ids=[pk], claim=claim):
            return 0
        try:
            with transaction.atomic(using=self.db):
                sql.limit_lock_wait(connection)
                return self._requeue([pk], claim)
        except OperationalError as error:
            if faults.classify(error) is not faults.Fault.CONFLICT:
                raise
            return 0

    def _requeue(self, ids: Iterable[str], claim: int | None) -> int:
        return _REQUEUE(self, ids=ids, claim=claim, now=clock.now())

    def abandoned(self) -> models.QuerySet[Any]:
        """Keep the PENDING workflows that no live worker holds."""
        return self.filter(
            ~_held_by(Worker.objects.using(self.db).live()), status=Status.PENDING
        )

    def requeue_abandoned(self) -> list[Recovered]:
        """Give the workflows of lost workers back to the queue, each once.

        Counted: workers lost in a row without a new checkpoint. After two of
        them the workflow runs alone; deaths from then on count towards
        ``max_recovery_attempts``, and when they reach it, it is dead-lettered.
        """
        if not (seen := self._abandoned_with_steps()):
            return []
        with transaction.atomic(using=self.db):
            sql.limit_idle_time(connections[self.db])
            pending = self.filter(pk__in=seen, status=Status.PENDING).order_by("pk")
            if connections[self.db].features.has_select_for_update_skip_locked:
                pending = pending.select_for_update(skip_locked=True, no_key=True)
            locked = pending.values_list("pk", "claim")
            # Nobody has taken those since they were seen.
            held = [seen[pk] for pk, claim in locked if claim == seen[pk].claim]
            return self._recover(held)

    def _abandoned_with_steps(self) -> dict[str, Any]:
        """Return rows that are abandoned, with how many steps they ``recorded``."""
        # Mostly there are none, and nothing is counted.
        lease = Worker.objects.using(self.db).lease_given()
        if not (found := [pk for (pk,) in _ABANDONED(self, **lease)]):
            return {}
        # Asked again: since the first look somebody may have taken one.
        rows = self.abandoned().filter(pk__in=found).annotate(recorded=Count("steps"))
        return {row.pk: row for row in rows.values_list(*_JUDGED, named=True)}

    def _recover(self, rows: Sequence[Any]) -> list[Recovered]:
        groups: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
        for row in rows:
            groups[_after_loss(row)].append(row)
        now = clock.now()
        for (status, stalls, attempts, recorded), members in groups.items():
            ended = {"completed_at": now} if status != Status.ENQUEUED else {}
            self.filter(
                pk__in=[row.pk for row in members], status=Status.PENDING
            ).update(
                status=status,
                stalls=stalls,
                recovery_attempts=attempts,
                stalled_at=recorded,
                worker=None,
                # The new claim number makes a late write of the old worker miss.
                claim=F("claim") + 1,
                seconds_ran=F("seconds_ran") + SecondsSince(now),
                changed_at=now,
                **ended,
            )
        recovered = [
            Recovered(row.pk, row.name, key[0], key[1])
            for key, members in groups.items()
            for row in members
        ]
        self._tell_recovered(recovered)
        return recovered

    def _tell_recovered(self, recovered: Iterable[Recovered]) -> None:
        for row in recovered:
            is_dead = row.status != Status.ENQUEUED
            signals.tell_on_commit(
                signals.workflow_dead if is_dead else signals.workflow_recovered,
                self.db,
                workflow_id=row.id,
                name=row.name,
                stalls=row.stalls,
            )


def _held_by(workers: Rows) -> Exists:
    return Exists(workers.filter(pk=OuterRef("worker_id")))


def _waiting(rows: Rows) -> Rows:
    """Keep the WAITING ones of some; with a claim, only those of that claim."""
    claim = compiled.number("claim")
    return rows.filter(
        OneOf("pk", compiled.texts("ids")),
        Exact(F("claim"), Coalesce(claim, F("claim"))),
        status=Status.WAITING,
    )


def _waits_for_something(rows: Rows) -> Exists:
    waits = rows.model._meta.get_field("waits").related_model
    its = waits._default_manager.using(rows.db).filter(workflow_id=OuterRef("pk"))
    return Exists(its)


_NOW = compiled.moment("now")
_NEXT_TIMER = Selection(
    lambda rows: (
        rows.filter(status=Status.WAITING, wake_at__isnull=False)
        .order_by("wake_at")
        .values_list("wake_at")[:1]
    )
)
_NEXT_DELAYED = Selection(
    lambda rows: (
        rows.filter(status=Status.ENQUEUED, run_after__gt=F("created_at"))
        .filter(run_after__gt=_NOW)
        .order_by("run_after")
        .values_list("run_after")[:1]
    )
)
_NEXT_DEADLINE = Selection(
    lambda rows: (
        rows.filter(status__in=ACTIVE, deadline__isnull=False)
        .order_by("deadline")
        .values_list("deadline")[:1]
    )
)
_DUE = Selection(
    lambda rows: (
        rows.filter(status=Status.WAITING, wake_at__lte=_NOW)
        .order_by("wake_at")  # The order of its index, for any plan that is kept.
        .values_list("pk")[:BATCH]
    )
)
_ABANDONED = Selection(
    lambda rows: (
        rows.filter(
            ~_held_by(live_given(Worker.objects.using(rows.db))), status=Status.PENDING
        )
        .order_by("worker_id")  # The order of its index.
        .values_list("pk")[:BATCH]
    )
)
_FORGOTTEN = Selection(
    lambda rows: rows.filter(
        ~_waits_for_something(rows), status=Status.WAITING, wake_at=None
    ).values_list("pk")[:BATCH]
)
_STILL_WAITING = Selection(lambda rows: _waiting(rows).values_list("pk"))
_REQUEUE = Change(
    _waiting,
    status=Status.ENQUEUED,
    wake_at=None,
    seconds_waited=F("seconds_waited") + SecondsSince(_NOW),
    changed_at=_NOW,
)


# What of a lost worker's workflow decides what becomes of it: not its values, which
# may be large.
_JUDGED = (
    *("pk", "name", "claim", "recorded", "stalls", "stalled_at"),
    *("recovery_attempts", "max_recovery_attempts"),
)


def _after_loss(row: Any) -> tuple[str, int, int, int]:
    """Return status, stalls, recovery attempts and steps after a lost worker."""
    if row.recorded > row.stalled_at:
        return Status.ENQUEUED, 1, 0, row.recorded
    was_alone = row.stalls >= STALLS_BEFORE_QUARANTINE
    attempts = row.recovery_attempts + was_alone
    is_dead = was_alone and attempts >= row.max_recovery_attempts
    status = Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED if is_dead else Status.ENQUEUED
    return status, row.stalls + 1, attempts, row.recorded
