"""Deleting what has ended: by name, and by age."""

from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, connections, models, transaction
from django.db.models import Exists, F, OuterRef, Q

from django_durable import clock, conf, durations
from django_durable.durations import Seconds
from django_durable.exceptions import InvalidTransition, WorkflowNotFound
from django_durable.models import faults, sql
from django_durable.models.status import ACTIVE, TERMINAL, Status

# Of rows that one transaction deletes, with all that belongs to them.
BATCH = 500
# Of rows that one statement passes over, since they have to stay.
LOOK = 1000

# What is no longer wanted by itself after a while. A dead letter waits for a person.
PRUNED = (Status.SUCCESS, Status.ERROR, Status.CANCELLED)

# These may still be in the middle of a step, which records it when it is done.
_INTERRUPTED = (Status.CANCELLED, Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED)

Deleted: TypeAlias = "Counter[str]"


class Position(NamedTuple):
    """How far a look at the finished workflows of one status has come."""

    completed_at: datetime
    workflow_id: str


class DeletionQuerySet(models.QuerySet[Any]):
    """Deletes finished workflows with all that belongs to them."""

    def delete_one(self, workflow_id: str) -> Deleted:
        """Delete a finished workflow with its finished children.

        Counts rows by model. Raises WorkflowNotFound, InvalidTransition.
        """
        if deleted := self.delete_some([workflow_id]):
            return deleted
        found = self.filter(pk=workflow_id).values_list("status", "parent_id").first()
        if found is None:
            raise WorkflowNotFound(workflow_id)
        status, parent = found
        advice = "Cancel it first."
        if status in TERMINAL:
            asker = self._starters([workflow_id]).get(workflow_id, parent)
            advice = f"Workflow {asker!r} has not ended and may ask for its result."
        raise InvalidTransition(workflow_id, status, "delete", advice)

    def delete_some(self, ids: Collection[str]) -> Deleted:
        """Delete those of some workflows that may be; count rows by model.

        In one transaction, with their finished children. What has not ended
        stays, and so does what an active workflow may still ask for: a parent, or a
        copy of that.
        """
        self.fence(ids)

        def delete() -> Deleted:
            deleted: Deleted = Counter()
            with transaction.atomic(using=self.db):
                self._begin()
                for family in self._families(ids):
                    deleted += self._delete_rows(family)
            return deleted

        return faults.retry_conflicts(self.db, delete)

    def fence(self, ids: Collection[str]) -> None:
        """Let no step that is still running record itself from now on.

        In a transaction of its own, and so not inside another: what it records
        between the deletion of the steps and of the workflow would stay, for
        another of the same id.
        """
        if not connections[self.db].in_atomic_block:
            faults.retry_conflicts(self.db, lambda: self._fence(ids))

    def prune(
        self,
        *,
        older_than: Seconds | None = None,
        statuses: Collection[str] | None = None,
        limit: int | None = None,
    ) -> int:
        """Delete what ended longer ago than ``older_than``; return how many.

        Without it, what ``DURABLE["RETENTION"]`` says. Of ``statuses``, by
        default all but dead letters; at most ``limit`` workflows. In batches, so
        that it may be stopped anywhere. Each goes by its own age; what an active
        workflow may still ask for stays.
        """
        self._for_write = True
        left, total = limit, 0
        for status, age in ages_of(older_than, statuses).items():
            before = clock.now() - timedelta(seconds=age)
            position: Position | None = None
            while left is None or left > 0:
                size = BATCH if left is None else min(BATCH, left)
                deleted, position = self.prune_some(status, before, position, size)
                total += deleted
                left = None if left is None else left - deleted
                if position is None:
                    break
        return total

    def prune_some(
        self,
        status: str,
        before: datetime,
        position: Position | None = None,
        size: int = BATCH,
    ) -> tuple[int, Position | None]:
        """Delete one batch of what ended before a moment, from some rows on.

        Returns how many went, and from where to go on; None at the end. What
        somebody else has locked is left to him, and what is protected stays.
        """
        rows = self._ended_before(status, before, position)
        end = rows.values_list("completed_at", "pk")[LOOK - 1 : LOOK].first()
        if end is not None:
            rows = rows.filter(
                Q(completed_at__lt=end[0]) | Q(pk__lte=end[1]), completed_at__lte=end[0]
            )
        found = list(self._unwanted(rows).values_list("completed_at", "pk")[:size])
        deleted = self._prune_rows(status, before, [pk for _, pk in found])
        last = found[-1] if len(found) == size else end
        return deleted[self.model._meta.label], last and Position(*last)

    def _prune_rows(self, status: str, before: datetime, ids: Sequence[str]) -> Deleted:
        if not ids:
            return Counter()
        if status in _INTERRUPTED and not connections[self.db].in_atomic_block:
            with transaction.atomic(using=self.db):
                self._begin()
                self._disown(self._lock(ids, skip_locked=True))
        with transaction.atomic(using=self.db):
            self._begin()
            chosen = self._lock(ids, skip_locked=True)
            # One that was resumed meanwhile may have ended otherwise.
            still = self._ended_before(status, before, None).filter(pk__in=chosen)
            return self._delete_unprotected(list(still.values_list("pk", flat=True)))

    def _ended_before(
        self, status: str, before: datetime, position: Position | None
    ) -> models.QuerySet[Any]:
        rows = self.filter(status=status, completed_at__lt=before)
        if position is not None:
            at, pk = position
            rows = rows.filter(
                Q(completed_at__gt=at) | Q(pk__gt=pk), completed_at__gte=at
            )
        return rows.order_by("completed_at", "pk")

    def _unwanted(self, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """Pass over what stays, before any row is locked.

        Active workflows may ask for it, or the database would refuse at the commit.
        """
        steps = self.model._meta.get_field("steps").related_model
        starts = steps._default_manager.using(self.db).filter(
            kind="start", child_id=OuterRef("pk"), workflow__status__in=ACTIVE
        )
        parents = self.model._base_manager.using(self.db).filter(
            pk=OuterRef("parent_id"), status__in=ACTIVE
        )
        return self._unheld(rows.filter(~Exists(starts), ~Exists(parents)))

    def _unheld(self, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """Pass over what keys hold that Django leaves to the database."""
        for holders, name in self._holders():
            rows = rows.filter(~Exists(holders.filter(**{name: OuterRef("pk")})))
        return rows

    def _holders(self) -> Iterator[tuple[models.QuerySet[Any], str]]:
        for relation in self.model._meta.get_fields(include_hidden=True):
            if getattr(relation, "on_delete", None) is not models.DO_NOTHING:
                continue
            if relation.field.db_constraint:
                holders = relation.related_model._base_manager.using(self.db)
                yield holders, relation.field.name

    def _begin(self) -> None:
        sql.read_committed(connections[self.db])
        sql.limit_idle_time(connections[self.db])

    def _fence(self, ids: Collection[str]) -> None:
        with transaction.atomic(using=self.db):
            self._begin()
            for family in self._families(ids):
                self._disown(family)

    def _disown(self, ids: Collection[str]) -> None:
        """Take some from executions that are still in the middle of a step."""
        interrupted = self.filter(pk__in=ids, status__in=_INTERRUPTED)
        interrupted.update(claim=F("claim") + 1)

    def _families(self, ids: Collection[str]) -> Iterator[list[str]]:
        """Yield what may be deleted, locked: parents, then their children."""
        todo = deque([self._lock(sorted(ids))])
        while todo:
            if not (family := todo.popleft()):
                continue
            yield family
            found = self._free(self._locked(self.filter(parent__in=family)))
            todo.extend(found[n : n + BATCH] for n in range(0, len(found), BATCH))

    def _lock(self, ids: Sequence[str], *, skip_locked: bool = False) -> list[str]:
        """Return which of some workflows may be deleted: neither they change now,
        nor the parent that might ask for one of them."""
        parents = {
            parent
            for parent in self.filter(pk__in=ids).values_list("parent_id", flat=True)
            if parent is not None
        }
        # Not even copied: the copy would ask for the same children.
        quiet = self._lock_rows(parents, skip_locked=skip_locked)
        chosen = self._free(self._lock_rows(ids, skip_locked=skip_locked))
        if not parents:
            return chosen
        rows = self.filter(pk__in=parents).exclude(pk__in=quiet)
        busy = set(rows.values_list("pk", flat=True))
        wanted = self.filter(pk__in=chosen, parent__in=busy)
        kept = set(wanted.values_list("pk", flat=True))
        return [pk for pk in chosen if pk not in kept]

    def _lock_rows(
        self, ids: Collection[str], *, skip_locked: bool = False
    ) -> list[str]:
        rows = self.filter(pk__in=ids)
        return self._locked(rows, skip_locked=skip_locked) if ids else []

    def _locked(self, rows: models.QuerySet[Any], **how: Any) -> list[str]:
        ended = rows.filter(status__in=TERMINAL).order_by("pk")
        return list(ended.select_for_update(**how).values_list("pk", flat=True))

    def _free(self, ids: list[str]) -> list[str]:
        """Keep those whose results no active workflow can ask for."""
        starters = self._starters(ids)
        return [pk for pk in ids if pk not in starters]

    def _starters(self, ids: Collection[str]) -> dict[str, str]:
        """Return the active workflows that have recorded a start of some others.

        A fork has the starts of its origin.
        """
        if not ids:
            return {}
        steps = self.model._meta.get_field("steps").related_model
        starts = steps._default_manager.using(self.db).filter(kind="start")
        by_active = starts.filter(child_id__in=ids, workflow__status__in=ACTIVE)
        return dict(by_active.values_list("child_id", "workflow_id"))

    def _delete_unprotected(self, ids: Sequence[str]) -> Deleted:
        """Delete some; leave alone those to which another app's rows hold on."""
        try:
            with transaction.atomic(using=self.db):
                return self._delete_rows(ids)
        except IntegrityError:
            deleted: Deleted = Counter()
            for pk in ids:
                with suppress(IntegrityError), transaction.atomic(using=self.db):
                    deleted += self._delete_rows([pk])
            return deleted

    def _delete_rows(self, ids: Sequence[str]) -> Deleted:
        if not ids:
            return Counter()
        # Django's own: it knows what other apps have tied to a workflow.
        rows = self.model._base_manager.using(self.db).filter(pk__in=ids)
        deleted = Counter(rows.only("pk").delete()[1])
        # The database would say so at the commit, when it is too late for others.
        for holders, name in self._holders():
            if holders.filter(**{f"{name}__in": ids}).exists():
                label = holders.model._meta.label
                raise IntegrityError(f"Rows of {label} refer to it by {name!r}.")
        sweep = partial(self._sweep, ids)
        transaction.on_commit(sweep, using=self.db, robust=True)
        return deleted

    def _sweep(self, ids: Sequence[str]) -> None:
        """Delete messages that came while their destination was being deleted.

        Senders lock nothing; another workflow of the same id would receive them. One
        that commits even later, or a crash before this, leaves such a message.
        """
        messages = self.model._meta.get_field("notifications").related_model
        there = self.model._base_manager.filter(pk=OuterRef("destination_id"))
        late = messages._base_manager.using(self.db).filter(destination_id__in=ids)
        late.filter(~Exists(there)).delete()


def ages_of(
    older_than: Seconds | None, statuses: Collection[str] | None
) -> Mapping[str, float]:
    """Return the age at which workflows of each status go."""
    if isinstance(statuses, str):
        statuses = (statuses,)
    if unknown := sorted(set(statuses or ()) - set(TERMINAL)):
        raise ValueError(f"Only finished workflows are pruned, not {unknown}.")
    if older_than is not None:
        age = durations.seconds(older_than, "older_than")
        return {str(status): age for status in statuses or PRUNED}
    retention = conf.current().retention
    if retention is None:
        raise ImproperlyConfigured(
            "prune() needs older_than=, or an age in DURABLE['RETENTION']."
        )
    chosen = set(retention if statuses is None else statuses)
    return {name: age for name, age in retention.items() if name in chosen}
