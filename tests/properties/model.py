"""What the API promises, as a dict of rows: no database, no engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

TERMINAL = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
RESUMABLE = ("CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
MINUTE = timedelta(minutes=1)


@dataclass
class Row:
    """One workflow. ``until`` is the first deadline of its wait, ``recorded`` how
    many steps it has, ``entered`` whether its transaction was committed.
    """

    pk: str
    kind: str
    run_after: datetime
    priority: int = 0
    parent: str = ""
    status: str = "ENQUEUED"
    claim: int = 0
    worker: int | None = None
    until: datetime | None = None
    wake_at: datetime | None = None
    recorded: int = 0
    entered: bool = False
    cancelled_with: str = ""
    stalls: int = 0
    stalled_at: int = 0
    deaths_alone: int = 0
    queue: str = "default"
    has_started: bool = False


@dataclass(frozen=True)
class Limits:
    """How many of a queue are executed at once, and started in a period."""

    concurrency: int | None = None
    rate: int | None = None
    period: timedelta | None = None


NO_LIMITS = Limits()


@dataclass
class Model:
    """All workflows, which queues are paused or limited, and the time.

    ``starts`` are the moments at which those of a queue with a rate were started.
    """

    now: datetime
    rows: dict[str, Row] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)
    limits: dict[str, Limits] = field(default_factory=dict)
    starts: dict[str, list[datetime]] = field(default_factory=dict)

    def start(self, row: Row) -> bool:
        """Insert a row unless its id exists; return whether it was new."""
        return self.rows.setdefault(row.pk, row) is row

    def ready(self) -> list[Row]:
        """Return what may be claimed, the first one first."""
        found = [
            row
            for row in self._queued()
            if row.run_after <= self.now and row.stalls < 2
        ]
        found.sort(key=lambda row: (-row.priority, row.run_after))
        return self._within_limits(found)

    def _within_limits(self, rows: list[Row]) -> list[Row]:
        """Keep what limits leave: behind what one holds back, its queue waits."""
        kept: list[Row] = []
        closed: set[str] = set()
        for row in rows:
            beside = [other for other in kept if other.queue == row.queue]
            if row.queue in closed or self._is_held_back(row, beside):
                closed.add(row.queue)
            else:
                kept.append(row)
        return kept

    def _is_held_back(self, row: Row, beside: list[Row]) -> bool:
        limits = self.limits.get(row.queue, NO_LIMITS)
        running = len(beside) + self._running(row.queue)
        if limits.concurrency is not None and running >= limits.concurrency:
            return True
        if limits.period is None or limits.rate is None or row.has_started:
            return False
        begin = self.now - limits.period
        started = [at for at in self.starts.get(row.queue, ()) if at > begin]
        new = [other for other in beside if not other.has_started]
        return len(started) + len(new) >= limits.rate

    def _running(self, queue: str) -> int:
        rows = self.rows.values()
        return sum(row.status == "PENDING" and row.queue == queue for row in rows)

    def suspects(self) -> list[Row]:
        """Return what may only run alone."""
        found = [row for row in self._queued() if row.stalls >= 2]
        return [row for row in found if not self._is_held_back(row, [])]

    def _queued(self) -> list[Row]:
        rows = [row for row in self.rows.values() if row.queue not in self.paused]
        return [row for row in rows if row.status == "ENQUEUED"]

    def pause_queue(self, name: str) -> bool:
        """Let nobody claim from a queue; return whether that is new."""
        is_new = name not in self.paused
        self.paused.add(name)
        return is_new

    def resume_queue(self, name: str) -> bool:
        """Let workers claim from a queue again; return whether that is new."""
        is_new = name in self.paused
        self.paused.discard(name)
        return is_new

    def limit_queue(self, name: str, limits: Limits) -> bool:
        """State the limits of a queue; return whether they are new."""
        is_new = self.limits.get(name, NO_LIMITS) != limits
        self.limits[name] = limits
        return is_new

    def lost(self, dead: set[int]) -> list[Row]:
        """Return what dead workers hold."""
        rows = self.rows.values()
        return [row for row in rows if row.status == "PENDING" and row.worker in dead]

    def delayed(self) -> list[Row]:
        """Return what waits for a time to come."""
        rows = self.rows.values()
        return [row for row in rows if row.wake_at or row.run_after > self.now]

    def stopped(self) -> list[str]:
        """Return what can be resumed."""
        return [row.pk for row in self.rows.values() if row.status in RESUMABLE]

    def claim(self, pk: str, worker: int) -> None:
        """Give a row to a worker."""
        row = self.rows[pk]
        period = self.limits.get(row.queue, NO_LIMITS).period
        if period is not None and not row.has_started:
            # What is of no use to any window of today's period is forgotten.
            known, begin = self.starts.get(row.queue, []), self.now - 2 * period
            self.starts[row.queue] = [at for at in known if at > begin] + [self.now]
        row.status, row.worker, row.claim = "PENDING", worker, row.claim + 1
        row.has_started = True

    def execute(self, pk: str) -> None:
        """Let the holder of a row go on until it ends or waits."""
        row = self.rows[pk]
        getattr(self, f"_{row.kind}")(row)

    def wake_due(self) -> None:
        """Queue what waited for a time that has come."""
        for row in self.rows.values():
            if row.status == "WAITING" and row.wake_at and row.wake_at <= self.now:
                row.status, row.wake_at = "ENQUEUED", None

    def wake_parent(self, row: Row) -> None:
        """Queue who waits for the end of a row."""
        parent = self.rows.get(row.parent)
        if parent is not None and parent.status == "WAITING":
            parent.status = "ENQUEUED"

    def sweep(self) -> None:
        """Queue whoever waits for something that has ended."""
        for row in self.rows.values():
            if row.status in TERMINAL:
                self.wake_parent(row)

    def recover(self, dead: set[int]) -> None:
        """Queue what dead workers hold, or end what kills them again and again."""
        for row in self.lost(dead):
            self._lose(row)

    def cancel(self, pk: str) -> bool:
        """Cancel a row with its children; return whether it took."""
        row = self.rows[pk]
        if row.status in TERMINAL:
            return False
        row.status, row.worker, row.wake_at = "CANCELLED", None, None
        row.cancelled_with = ""
        for child in self._children(pk):
            if self.cancel(child.pk):
                child.cancelled_with = pk
        self.wake_parent(row)
        return True

    def resume(self, pk: str) -> bool:
        """Go on with a row that was stopped, or a delayed one; tell whether."""
        row = self.rows[pk]
        if row.status == "ENQUEUED" and row.run_after > self.now:
            row.run_after = self.now
            return True
        if row.status not in RESUMABLE:
            return False
        was_cancelled = row.status == "CANCELLED"
        row.status, row.run_after = "ENQUEUED", min(row.run_after, self.now)
        row.stalls, row.deaths_alone, row.cancelled_with = 0, 0, ""
        for child in self._children(pk):
            if was_cancelled and child.cancelled_with == pk:
                self.resume(child.pk)
        return True

    def _children(self, pk: str) -> list[Row]:
        return [row for row in self.rows.values() if row.parent == pk]

    def _lose(self, row: Row) -> None:
        was_alone = row.stalls >= 2
        row.status, row.worker, row.claim = "ENQUEUED", None, row.claim + 1
        if row.recorded > row.stalled_at:
            row.stalls, row.deaths_alone, row.stalled_at = 1, 0, row.recorded
            return
        row.stalls += 1
        row.deaths_alone += was_alone
        if was_alone and row.deaths_alone >= 1:
            row.status = "MAX_RECOVERY_ATTEMPTS_EXCEEDED"

    def _end(self, row: Row, status: str = "SUCCESS") -> None:
        row.status = status
        self.wake_parent(row)

    def _wait(self, row: Row, wake_at: datetime | None) -> None:
        row.status, row.worker, row.wake_at = "WAITING", None, wake_at
        row.stalls = row.deaths_alone = 0

    def _waits_until(self, row: Row, minutes: int) -> bool:
        row.until = row.until or self.now + minutes * MINUTE
        if self.now < row.until:
            self._wait(row, row.until)
            return True
        return False

    def _bare(self, row: Row) -> None:
        self._end(row)

    def _quick(self, row: Row) -> None:
        row.recorded, row.entered = 2, True
        self._end(row)

    _aquick = _quick

    def _failing(self, row: Row) -> None:
        row.recorded = 1
        self._end(row, "ERROR")

    def _flaky(self, row: Row) -> None:
        if not self._waits_until(row, 1):
            row.recorded, row.entered = 2, True
            self._end(row)

    def _napping(self, row: Row) -> None:
        row.recorded, row.entered = 1, True
        if not self._waits_until(row, 60):
            row.recorded = 3
            self._end(row)

    def _parent(self, row: Row) -> None:
        row.recorded = 1
        self.start(Row(f"{row.pk}/1", "napping", self.now, parent=row.pk))
        child = self.rows[f"{row.pk}/1"]
        if child.status not in TERMINAL:
            self._wait(row, None)
            return
        row.recorded = 2
        self._end(row, "SUCCESS" if child.status == "SUCCESS" else "ERROR")
