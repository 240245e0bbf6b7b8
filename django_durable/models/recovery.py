"""What has become due, and what dead workers left behind."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import OperationalError, connections, models, transaction
from django.db.models import Count, Exists, F, Min, OuterRef

from django_durable import clock
from django_durable.models import faults, sql
from django_durable.models.claims import STALLS_BEFORE_QUARANTINE
from django_durable.models.expressions import SecondsSince
from django_durable.models.status import Status

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
        """Return when the next timer or delayed workflow becomes due."""
        now = clock.now()
        waiting = self.filter(status=Status.WAITING, wake_at__isnull=False)
        delayed = self.filter(
            status=Status.ENQUEUED, run_after__gt=F("created_at")
        ).filter(run_after__gt=now)
        moments = [
            waiting.aggregate(moment=Min("wake_at"))["moment"],
            delayed.aggregate(moment=Min("run_after"))["moment"],
        ]
        return min((moment for moment in moments if moment), default=None)

    def wake_forgotten(self) -> int:
        """Queue WAITING workflows that wait for nothing: no row says for what."""
        lost = self.filter(status=Status.WAITING, wake_at=None, waits=None)
        return self.requeue_waiting(lost.values_list("pk", flat=True)[:BATCH])

    def wake_due(self) -> int:
        """Put back in the queue what waited for a time that has come."""
        due = self.filter(status=Status.WAITING, wake_at__lte=clock.now())
        total = 0
        while found := list(due.order_by("pk").values_list("pk", flat=True)[:BATCH]):
            woken = len(self._requeue_free(found, {}))
            total += woken
            if len(found) < BATCH or not woken:
                break
        return total

    def requeue_waiting(self, ids: Iterable[str], **expected: Any) -> int:
        """Move WAITING workflows to the queue; return how many.

        Rows that somebody else has locked get a second, single try, so that
        two wakes never wait for each other; what is busy still, is repaired
        by the sweep.
        """
        ids, total = sorted(ids), 0
        for start in range(0, len(ids), BATCH):
            batch = ids[start : start + BATCH]
            free = self._requeue_free(batch, expected)
            busy = [pk for pk in batch if pk not in free]
            total += len(free)
            total += sum(self._requeue_patiently(pk, expected) for pk in busy)
        return total

    def _requeue_free(self, ids: list[str], expected: dict[str, Any]) -> set[str]:
        with transaction.atomic(using=self.db):
            waiting = self.filter(pk__in=ids, status=Status.WAITING, **expected)
            if connections[self.db].features.has_select_for_update_skip_locked:
                waiting = waiting.select_for_update(skip_locked=True, no_key=True)
            free = set(waiting.order_by("pk").values_list("pk", flat=True))
            if free:
                self._requeue(free, expected)
        return free

    def _requeue_patiently(self, pk: str, expected: dict[str, Any]) -> int:
        connection = connections[self.db]
        if not self.filter(pk=pk, status=Status.WAITING, **expected).exists():
            return 0
        try:
            with transaction.atomic(using=self.db):
                sql.limit_lock_wait(connection)
                return self._requeue([pk], expected)
        except OperationalError as error:
            if faults.classify(error) is not faults.Fault.CONFLICT:
                raise
            return 0

    def _requeue(self, ids: Iterable[str], expected: dict[str, Any]) -> int:
        now = clock.now()
        waiting = self.filter(pk__in=list(ids), status=Status.WAITING, **expected)
        return waiting.update(
            status=Status.ENQUEUED,
            wake_at=None,
            seconds_waited=F("seconds_waited") + SecondsSince(now),
            changed_at=now,
        )

    def abandoned(self) -> models.QuerySet[Any]:
        """Keep the PENDING workflows that no live worker holds."""
        workers = self.model._meta.get_field("worker").related_model
        live = workers._default_manager.using(self.db).live()
        held = Exists(live.filter(pk=OuterRef("worker_id")))
        return self.filter(~held, status=Status.PENDING)

    def requeue_abandoned(self) -> list[Recovered]:
        """Give the workflows of lost workers back to the queue, each once.

        Counted: workers lost in a row without a new checkpoint. After two of
        them the workflow runs alone; deaths from then on count towards
        ``max_recovery_attempts``, and when they reach it, it is dead-lettered.
        """
        counted = self.abandoned().annotate(recorded=Count("steps")).order_by("pk")
        seen = {row.pk: row for row in counted[:BATCH]}
        if not seen:
            return []
        with transaction.atomic(using=self.db):
            sql.limit_idle_time(connections[self.db])
            pending = self.filter(pk__in=seen, status=Status.PENDING).order_by("pk")
            if connections[self.db].features.has_select_for_update_skip_locked:
                pending = pending.select_for_update(skip_locked=True, no_key=True)
            held = {
                row.pk for row in pending if row.claim == seen[row.pk].claim
            }  # Locked, and nobody has taken it since it was seen.
            return self._recover([seen[pk] for pk in sorted(held)])

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
        return [
            Recovered(row.pk, row.name, key[0], key[1])
            for key, members in groups.items()
            for row in members
        ]


def _after_loss(row: Any) -> tuple[str, int, int, int]:
    """Return status, stalls, recovery attempts and steps after a lost worker."""
    if row.recorded > row.stalled_at:
        return Status.ENQUEUED, 1, 0, row.recorded
    was_alone = row.stalls >= STALLS_BEFORE_QUARANTINE
    attempts = row.recovery_attempts + was_alone
    is_dead = was_alone and attempts >= row.max_recovery_attempts
    status = Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED if is_dead else Status.ENQUEUED
    return status, row.stalls + 1, attempts, row.recorded
