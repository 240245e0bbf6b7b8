"""What is asked of schedules, and done to them."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import DatabaseError, connections, models, transaction
from django.db.models import OuterRef, Subquery

from django_durable import clock, signals
from django_durable.cron import Timetable
from django_durable.exceptions import ScheduleNotFound
from django_durable.models import faults, sql
from django_durable.models.ids import may_exist
from django_durable.suggestions import nearest

# A message about an unknown name looks at so many known ones.
MOST_NAMES = 1000
MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a row repeats of what code declares."""

    name: str
    workflow_name: str
    cron: str
    time_zone: str
    overlap: str
    catch_up: str
    queue_name: str
    inputs: str
    takes_moment: bool


class Declared(NamedTuple):
    """The names of what was new or changed, and of what is not stored as yet."""

    changed: list[str]
    left: list[str]


class ScheduleQuerySet(models.QuerySet[Any]):
    """Declaring, finding, pausing. Every change of one row holds its lock."""

    def declare(
        self, declared: Collection[Declaration], *, now: datetime | None = None
    ) -> Declared:
        """Store what code declares; return the names of what was new or changed.

        One statement where nothing is. A changed time is counted from ``now``; a
        pause stays. What somebody holds is left, and is to be declared later.
        """
        now = clock.now() if now is None else now
        rows = self.filter(name__in=[each.name for each in declared])
        known = {row.name: row for row in rows}
        differing = [
            each
            for each in declared
            if (row := known.get(each.name)) is None
            or row.declaration != each
            or row.is_ahead
        ]
        changed = [each.name for each in differing if self._try_to_declare(each, now)]
        left = [each.name for each in differing if each.name not in changed]
        return Declared(changed, left)

    def named(self, name: str) -> Any:
        """Return a schedule, or raise ScheduleNotFound with what was meant."""
        if (row := self._find(name)) is None:
            raise ScheduleNotFound(name, self._advice(name))
        return row

    def pause(self, name: str, reason: str = "", by: str = "") -> bool:
        """Have a schedule start nothing by itself; return whether it took.

        False when it was paused already: then whoever was first stays named.
        Raises ScheduleNotFound.
        """
        running = self.filter(name=name, paused_at__isnull=True)
        # A reason may be translated only now; some projects have users with numbers.
        changes = {"paused_by": f"{by}", "pause_reason": f"{reason}"}
        took = may_exist(name) and faults.retry_conflicts(
            self.db, lambda: running.update(paused_at=clock.now(), **changes)
        )
        if not took:
            self.named(name)
        return bool(took)

    def resume(self, name: str) -> bool:
        """Let a schedule go on with its next tick; return whether it took.

        What would have come during the pause is not made up for. False when it
        was not paused. Raises ScheduleNotFound.
        """
        return faults.retry_conflicts(self.db, lambda: self._resume(name))

    def forget(self, name: str) -> None:
        """Delete a schedule and its ticks; the workflows stay.

        A worker whose code declares it makes it anew when it starts. Raises
        ScheduleNotFound.
        """

        def delete() -> None:
            with self.locked(name) as row:
                row.ticks.all().delete()
                self.filter(pk=row.pk).delete()

        faults.retry_conflicts(self.db, delete)

    def with_last(self) -> "ScheduleQuerySet":
        """Add ``last_at``, ``last_workflow_id`` and ``last_status`` of the last tick.

        All None where there was none; the last two where it was skipped.
        """
        ticks = self.model._meta.get_field("ticks").related_model
        own = ticks._default_manager.using(self.db).filter(schedule=OuterRef("pk"))
        last = own.order_by("-scheduled_at")
        return self.annotate(  # type: ignore[no-any-return]
            last_at=Subquery(last.values("scheduled_at")[:1]),
            last_workflow_id=Subquery(last.values("workflow_id")[:1]),
            last_status=Subquery(last.values("workflow__status")[:1]),
        )

    def running(self) -> "ScheduleQuerySet":
        """Keep those that are not paused."""
        return self.filter(paused_at__isnull=True)

    def due(self, now: datetime) -> "ScheduleQuerySet":
        """Keep those of which a tick has come."""
        return self.running().filter(next_at__lte=now).order_by("next_at")

    def next_ticks(self, names: Collection[str]) -> list[tuple[str, str, datetime]]:
        """Return name, workflow and next tick of some schedules, the first first."""
        running = self.running().filter(name__in=list(names)).order_by("next_at")
        return list(running.values_list("name", "workflow_name", "next_at"))

    @contextmanager
    def locked(self, name: str) -> Iterator[Any]:
        """Hold a schedule's row for a block, commits at its end.

        Raises ScheduleNotFound.
        """
        with self.transaction():
            found = self.filter(pk=name).select_for_update(no_key=True)
            yield (found.first() if may_exist(name) else None) or self.named(name)

    @contextmanager
    def locked_if_due(self, name: str, now: datetime) -> Iterator[Any]:
        """See locked(); None when it is not due, or somebody else is about it."""
        with self.transaction():
            rows = self.due(now).filter(pk=name)
            yield rows.select_for_update(no_key=True, skip_locked=True).first()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Begin a transaction that neither waits long nor stands still."""
        with transaction.atomic(using=self.db):
            sql.read_committed(connections[self.db])
            sql.limit_lock_wait(connections[self.db])
            yield

    def _try_to_declare(self, declared: Declaration, now: datetime) -> bool:
        try:
            return self._declare(declared, now)
        except DatabaseError as error:
            if faults.classify(error) is not faults.Fault.CONFLICT:
                raise
            return False

    def _declare(self, declared: Declaration, now: datetime) -> bool:
        """Return whether it is stored; not while somebody holds the row."""
        facts = asdict(declared)
        next_at = Timetable(declared.cron, declared.time_zone).next_after(now)
        fresh = self.model(**facts, next_at=next_at, created_at=now, changed_at=now)
        with self.transaction():
            self.bulk_create([fresh], ignore_conflicts=True)
            rows = self.filter(pk=declared.name)
            row = rows.select_for_update(no_key=True, skip_locked=True).first()
            if row is None:
                return False
            times = (row.cron, row.time_zone), (declared.cron, declared.time_zone)
            if times[0] != times[1] or row.is_ahead:
                facts["next_at"] = next_at
            if row.declaration != declared or row.is_ahead:
                rows.update(**facts, changed_at=now)
            return True

    def _resume(self, name: str) -> bool:
        with self.locked(name) as row:
            if not row.is_paused:
                return False
            self.filter(pk=row.pk).update(
                paused_at=None,
                paused_by="",
                pause_reason="",
                next_at=row.timetable.next_after(clock.now()),
            )
            signals.publish(self.db, signals.QUEUE)
        return True

    def _find(self, name: str) -> Any:
        return self.filter(pk=name).first() if may_exist(name) else None

    def _advice(self, name: str) -> str:
        known = self.order_by("name").values_list("name", flat=True)[:MOST_NAMES]
        if meant := nearest(name, known):
            return f"Did you mean {meant!r}?"
        shown = ", ".join(map(repr, known[:MOST_NAMED]))
        return f"There are {shown}." if shown else ""
