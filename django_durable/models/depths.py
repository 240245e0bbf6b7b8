"""How much there is of what: counts for those who watch from outside."""

from datetime import datetime
from typing import Any, NamedTuple

from django.db import connections, models
from django.db.models import F, Q

from django_durable import clock
from django_durable.models import sql
from django_durable.models.claims import ClaimQuerySet
from django_durable.models.status import Status

# Whoever has more than this knows enough; to count on would cost more each time.
MOST_COUNTED = 10_000


class Depth(NamedTuple):
    """The workflows of one queue in one state: how many, and since when the first."""

    queue_name: str
    state: str
    number: int
    since: datetime | None


class DepthQuerySet(ClaimQuerySet):
    """Counts that stop early, each along an index."""

    def depths(self, *, most: int = MOST_COUNTED) -> list[Depth]:
        """Count what has not ended well, by queue and state.

        States are ready, delayed, running, waiting, paused and dead. At most so
        many are counted: of the ready ones in each queue, of the others in all. It
        takes six statements, and one for each queue.
        """
        found: list[Depth] = []
        now = clock.now()
        for (queue_name,) in self._queues_in_use(_NAMES):
            ready = self.filter(_READY, queue_name=queue_name, run_after__lte=now)
            ready = ready.order_by("queue_name", "-priority", "run_after")
            found += self._depths("ready", ready[:most], "run_after")
        delayed = self.filter(_DELAYED, run_after__gt=now).order_by("run_after")
        found += self._depths("delayed", delayed[:most], "run_after")
        for state, (condition, index) in _OTHERS.items():
            rows = self.filter(condition).order_by(index)
            found += self._depths(state, rows[:most], "changed_at")
        return found

    def _depths(
        self, state: str, rows: models.QuerySet[Any], since: str
    ) -> list[Depth]:
        rows = rows.values("queue_name", since)
        counted, params = rows.query.get_compiler(using=self.db).as_sql()
        found = sql.fetch(
            connections[self.db],
            f"WITH counted AS ({counted}) SELECT queue_name, COUNT(*), MIN({since})"
            " FROM counted GROUP BY queue_name",
            params,
        )
        return [
            Depth(queue_name, state, number, sql.moment(moment))
            for queue_name, number, moment in found
        ]


_NAMES = "SELECT name FROM queues WHERE name IS NOT NULL"
_READY = Q(status=Status.ENQUEUED)
_DELAYED = _READY & Q(run_after__gt=F("created_at"))
# Each in the order of its index: a plan that takes the first ones it meets in the
# table would read everything that has finished.
_OTHERS = {
    "running": (Q(status=Status.PENDING), "worker"),
    "waiting": (Q(status=Status.WAITING), "wake_at"),
    "paused": (Q(status=Status.PAUSED), "changed_at"),
    "dead": (
        Q(
            status=Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED,
            completed_at__isnull=False,
        ),
        "completed_at",
    ),
}
