"""What a worker does about the schedules that its code declares."""

import logging

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
        for name in scheduling.declare(self._using, self._declared.values()):
            logger.info("Schedule %s is new, or declared otherwise than before", name)

    def seconds(self) -> float:
        """Return how long there is nothing to look at."""
        if not self._declared:
            return float("inf")
        return max(0.0, self._look_at - clock.monotonic())

    def look(self) -> bool:
        """Fire what is due, if it is time to look; return whether anything was."""
        if self.seconds():
            return False
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
        fired = [declared for declared in due if self._fire(declared)]
        waits = [hub.look_seconds]
        waits += [(next_at - now).total_seconds() for _, next_at in ours[len(due) :]]
        if due:  # One that was fired is due again, at a time that is not known here.
            waits.append(0.0 if fired else BUSY_SECONDS)
        self._look_at = clock.monotonic() + min(waits)
        return bool(fired)

    def _fire(self, declared: ScheduleDefinition) -> bool:
        try:
            return scheduling.fire(self._using, declared)
        except (DatabaseError, InterfaceError) as error:
            if faults.classify(error) is faults.Fault.CONFLICT:
                return False  # Somebody holds what it has to write: soon again.
            if faults.is_transient(error):
                raise
            failure: Exception = error
        except Exception as error:
            failure = error
        logger.error("Schedule %s could not start", declared.name, exc_info=failure)
        self._try_at[declared.name] = clock.monotonic() + FAILED_SECONDS
        return False
