"""How much of their limits queues have used, and what claims write down for that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connections

from django_durable.limits import Limits
from django_durable.models import sql
from django_durable.models.tables import QUEUE_START, WORKFLOW

# What claims have taken. A direct call begins before its time; see hold().
TAKEN = "status = 'PENDING' AND changed_at >= run_after"
# A slice of the period is one row, which counts as long as the last of its starts.
SLICES = 100
SHORTEST_SLICE_SECONDS = 0.01
MARGIN_SECONDS = 10.0
# What is even further in the future is of a clock that has gone wrong.
ABSURD_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of its limits a queue has used.

    ``running`` of its workflows are executed by workers, ``started`` began in the
    period that ends now, the first of them at ``oldest_at``.
    """

    queue_name: str
    limits: Limits
    running: int = 0
    started: int = 0
    oldest_at: datetime | None = None

    @property
    def places(self) -> int | None:
        """How many more may be executed at once; None: any number."""
        most = self.limits.concurrency
        return None if most is None else max(0, most - self.running)

    @property
    def starts(self) -> int | None:
        """How many more may start now; None: any number."""
        most = self.limits.rate
        return None if most is None else max(0, most - self.started)

    @property
    def holds_all(self) -> bool:
        """Tell whether nothing at all is taken now: as many run as may."""
        return self.places == 0

    @property
    def holds_new(self) -> bool:
        """Tell whether nothing starts now; what has started may go on."""
        return self.holds_all or self.starts == 0

    def free_at(self, now: datetime) -> datetime | None:
        """Return when the next one may start that may not now; None without a rate."""
        if self.limits.period is None:
            return None
        return (self.oldest_at or now) + timedelta(seconds=self.limits.period)


def usage_of(
    using: str, limited: Sequence[tuple[str, Limits]], now: datetime
) -> list[Usage]:
    """Return the usage of queues that have these limits."""
    running = _running(using) if limited else {}
    found = []
    for name, limits in limited:
        started, oldest_at = _started(using, name, limits, now)
        found.append(Usage(name, limits, running.get(name, 0), started, oldest_at))
    return found


def _running(using: str) -> dict[str, int]:
    counted = sql.fetch(
        connections[using],
        f"SELECT queue_name, COUNT(*) FROM {WORKFLOW} WHERE {TAKEN}"
        " GROUP BY queue_name",
    )
    return dict(counted)


def _started(
    using: str, name: str, limits: Limits, now: datetime
) -> tuple[int, datetime | None]:
    if limits.period is None:
        return 0, None
    connection = connections[using]
    begin = now - timedelta(seconds=limits.period)
    late = timedelta(seconds=margin(limits.period))
    end = now + late + timedelta(seconds=ABSURD_SECONDS)
    ((number, oldest, newest),) = sql.fetch(
        connection,
        "SELECT COALESCE(SUM(number), 0), MIN(started_at), MAX(started_at)"
        f" FROM {QUEUE_START}"
        " WHERE queue_name = %s AND started_at > %s AND started_at <= %s",
        [name, sql.stamp(connection, begin), sql.stamp(connection, end)],
    )
    newest_at = sql.moment(newest)
    if newest_at is not None and newest_at > now + late:
        number = max(number, limits.rate or 0)  # Some may be forgotten already.
    return number, sql.moment(oldest)


def margin(period: float) -> float:
    """Return for how long a claim may be held up and still know what counts.

    One that was held up for longer starts nothing.
    """
    return max(period, MARGIN_SECONDS)


def slice_seconds(period: float) -> float:
    """Return how long a slice of a period is."""
    return max(period / SLICES, SHORTEST_SLICE_SECONDS)


def note_starts(
    using: str, name: str, period: float, number: int, now: datetime
) -> None:
    """Write down that workflows of a queue start, and drop what counts no more."""
    connection = connections[using]
    slice_ = int(now.timestamp() / slice_seconds(period))
    late = timedelta(seconds=margin(period))
    oldest = sql.stamp(connection, now - timedelta(seconds=period) - late)
    absurd = sql.stamp(connection, now + late + timedelta(seconds=ABSURD_SECONDS))
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, [name, oldest, absurd])
        cursor.execute(_NOTE, [name, slice_, sql.stamp(connection, now), number])


_NOTE = f"""
INSERT INTO {QUEUE_START} AS s (queue_name, slice, started_at, number)
VALUES (%s, %s, %s, %s) ON CONFLICT (queue_name, slice) DO UPDATE
SET number = s.number + EXCLUDED.number,
    started_at = MAX(s.started_at, EXCLUDED.started_at)
"""
_FORGET = f"""
DELETE FROM {QUEUE_START}
WHERE queue_name = %s AND (started_at <= %s OR started_at > %s)
"""
