"""What a worker does about the schedules that its code declares."""

import logging
from collections.abc import Sequence

from django.db import DatabaseError, InterfaceError

from django_durable import clock
from django_durable.definitions import schedules
from django_durable.definitions.schedules import ScheduleDefinition
from django_durable.exceptions import SerializationError
from django_durable.execution import scheduling
from django_durable.models import Schedule, faults
from django_durable.wakeup import hub

logger = logging.getLogger("django_durable")

# How soon to look again at what is due while somebody else is about it.
BUSY_SECONDS = 0.05
# Of one look: meanwhile nothing is claimed.
MOST_SECONDS = 0.25
# How soon to try again what had to wait for a lock, in vain.
HELD_SECONDS = 1.0
# How soon to try again what could not be started for another reason.
FAILED_SECONDS = 10.0


class Scheduling:
    """Fires schedules in time, for the dispatcher of a worker.

    It knows when the first one is due, and asks the database no earlier, apart
    from looks at a slow rhythm: a pause, another worker or a deploy may have
    changed that. Of all workers that look, one fires.
    """

    def __init__(self, using: str) -> None:
        self._using = using
        self._declared = {each.name: each for each in schedules.all_schedules()}
        self._look_at = 0.0
        self._try_at: dict[str, float] = {}
        self._left: set[str] = set()

    @property
    def names(self) -> list[str]:
        """The names of the schedules that the code declares."""
        return sorted(self._declared)

    def declare(self) -> None:
        """Store what the code declares; what cannot be stored is not fired."""
        for each in list(self._declared.values()):
            try:
                scheduling.declaration_of(each)
            except SerializationError as error:
                logger.error("Schedule %s cannot be stored: %s", each.name, error)
                del self._declared[each.name]
        self._left = set(self._declared)
        self._declare_rest()

    def seconds(self) -> float:
        """Return how long there is nothing to look at."""
        if not self._declared:
            return float("inf")
        return max(0.0, self._look_at - clock.monotonic())

    def look(self) -> bool:
        """Fire what is due, if it is time to look; return whether anything was."""
        if self.seconds():
            return False
        self._declare_rest()
        found = Schedule.objects.using(self._using).next_ticks(self._declared)
        # Newer code may have given one to another workflow: it is fired there.
        ours = [
            (self._declared[name], next_at)
            for name, workflow_name, next_at in found
            if self._declared[name].workflow.name == workflow_name
            and clock.monotonic() >= self._try_at.get(name, 0.0)
        ]
        now = clock.now()
        due = [declared for declared, next_at in ours if next_at <= now]
        has_fired, is_through = self._fire_some(due)
        waits = [hub.look_seconds]
        waits += [(next_at - now).total_seconds() for _, next_at in ours[len(due) :]]
        if due:  # One that was fired is due again, at a time that is not known here.
            waits.append(0.0 if has_fired or not is_through else BUSY_SECONDS)
        self._look_at = clock.monotonic() + min(waits)
        return has_fired

    def _declare_rest(self) -> None:
        """Store what could not be stored yet, since somebody holds the row."""
        if not self._left:
            return
        rest = [self._declared[name] for name in self._left]
        declared = scheduling.declare(self._using, rest)
        self._left = set(declared.left)
        for name in declared.changed:
            logger.info("Schedule %s is new, or declared otherwise than before", name)

    def _fire_some(self, due: Sequence[ScheduleDefinition]) -> tuple[bool, bool]:
        """Fire for a while: whether anything was fired, and all were looked at."""
        until, has_fired = clock.monotonic() + MOST_SECONDS, False
        for number, declared in enumerate(due, 1):
            has_fired |= self._fire(declared)
            if clock.monotonic() > until:
                return has_fired, number == len(due)
        return has_fired, True

    def _fire(self, declared: ScheduleDefinition) -> bool:
        try:
            return scheduling.fire(self._using, declared)
        except (DatabaseError, InterfaceError) as error:
            if faults.classify(error) is faults.Fault.CONFLICT:
                # It has waited for what somebody holds: others have their turn.
                self._try_at[declared.name] = clock.monotonic() + HELD_SECONDS
                return False
            if faults.is_transient(error):
                raise
            failure: Exception = error
        except Exception as error:
            failure = error
        logger.error("Schedule %s could not start", declared.name, exc_info=failure)
        self._try_at[declared.name] = clock.monotonic() + FAILED_SECONDS
        return False
