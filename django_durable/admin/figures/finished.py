"""How many workflows ended, five minutes by five minutes."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connections
from django.db.models import F, Func, IntegerField

from django_durable.admin.figures.statements import either
from django_durable.models import Workflow, sql
from django_durable.models.status import TERMINAL, Status

SLOT = 300
SPAN = timedelta(hours=6)
# The last ones only: who ends more than that in six hours sees less than six hours.
MOST = 25_000
BLOCKS = "▁▂▃▄▅▆▇█"
PER_BLOCK = 6


class SlotOf(Func):
    """When the five minutes began that a moment lies in: seconds since 1970."""

    output_field = IntegerField()

    def as_sql(  # type: ignore[override]
        self, compiler: Any, connection: Any, **extra: Any
    ) -> Any:
        """Render for PostgreSQL."""
        template = (
            f"EXTRACT(EPOCH FROM date_bin('{SLOT} seconds', %(expressions)s,"
            " TIMESTAMPTZ '1970-01-01 00:00+00'))"
        )
        return super().as_sql(compiler, connection, template=template, **extra)

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """Render for SQLite."""
        seconds = "CAST(strftime('%%%%s', %(expressions)s) AS INTEGER)"
        template = f"{seconds} / {SLOT} * {SLOT}"
        return super().as_sql(compiler, connection, template=template, **extra)


@dataclass(frozen=True, slots=True)
class Slot:
    """What ended within five minutes."""

    begins_at: datetime
    success: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def total(self) -> int:
        """How many ended."""
        return self.success + self.failed + self.cancelled


@dataclass(frozen=True, slots=True)
class Finished:
    """All slots, the oldest first; ``is_cut``: those before them were not counted."""

    slots: tuple[Slot, ...]
    is_cut: bool = False

    @property
    def total(self) -> int:
        """How many ended in all."""
        return sum(slot.total for slot in self.slots)

    @property
    def failures(self) -> str:
        """A line of blocks that says when it failed, half an hour each; "" if never."""
        counts = [
            sum(slot.failed for slot in self.slots[n : n + PER_BLOCK])
            for n in range(0, len(self.slots), PER_BLOCK)
        ]
        most = max(counts, default=0)
        return "".join(BLOCKS[-(-7 * n // most)] for n in counts) if most else ""


def finished(using: str, now: datetime) -> Finished:
    """Count what has ended during the last six hours."""
    last = int(now.timestamp()) // SLOT * SLOT
    first = last + SLOT - int(SPAN.total_seconds())
    rows = Workflow.objects.filter(completed_at__gte=datetime.fromtimestamp(first, UTC))
    text, params = either(
        using,
        [
            rows.filter(status=status)
            .order_by("-completed_at")
            .values_list(SlotOf(F("completed_at")), "status")[:MOST]
            for status in TERMINAL
        ],
    )
    statement = f"SELECT ended.*, COUNT(*) FROM ({text}) AS ended GROUP BY 1, 2"
    found = sql.fetch(connections[using], statement, params)
    counted_from = _counted_from(found)
    begins = range(max(first, counted_from), last + SLOT, SLOT)
    return Finished(_slots(found, begins), counted_from > 0)


def _counted_from(found: list[sql.Row]) -> int:
    """Return the first slot that is whole in each status; 0 when all of them are."""
    totals: dict[str, int] = defaultdict(int)
    oldest: dict[str, int] = {}
    for seconds, status, count in found:
        totals[status] += count
        oldest[status] = min(int(seconds), oldest.get(status, int(seconds)))
    cut = [oldest[status] + SLOT for status, total in totals.items() if total >= MOST]
    return max(cut, default=0)


def _slots(found: list[sql.Row], begins: range) -> tuple[Slot, ...]:
    counts: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for seconds, status, count in found:
        counts[int(seconds)][_kind(status)] += count
    return tuple(
        Slot(datetime.fromtimestamp(begin, UTC), **counts[begin]) for begin in begins
    )


def _kind(status: str) -> str:
    if status == Status.SUCCESS:
        return "success"
    return "cancelled" if status == Status.CANCELLED else "failed"
