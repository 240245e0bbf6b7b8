"""What becomes of an hourly schedule, by arithmetic alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)
LATE = timedelta(seconds=15)
BATCH = 100


@dataclass
class Clockwork:
    """A schedule at one minute of each hour; ticks are (moment, kind), by hand too.

    ``active`` are those of them whose workflows have not ended.
    """

    now: datetime
    overlap: str
    catch_up: str
    minute: int = 0
    is_paused: bool = False
    ticks: dict[tuple[datetime, str], bool] = field(default_factory=dict)
    active: set[tuple[datetime, str]] = field(default_factory=set)
    skipped: int = 0

    def __post_init__(self) -> None:
        self.next_at = self.after(self.now)

    def after(self, moment: datetime) -> datetime:
        """Return the first tick later than a moment."""
        first = moment.replace(minute=self.minute, second=0, microsecond=0)
        return first if first > moment else first + HOUR

    def between(self, start: datetime, end: datetime) -> list[datetime]:
        """Return the ticks from one moment to another."""
        found, tick = [], self.after(start - timedelta.resolution)
        while tick <= end:
            found.append(tick)
            tick += HOUR
        return found

    def fire(self) -> bool:
        """Act on what has come; tell whether anything has."""
        if self.is_paused or self.next_at > self.now:
            return False
        due = self.between(self.next_at, self.now)
        if self.catch_up == "all":
            chosen = due[:BATCH]
        else:
            chosen = [tick for tick in due if tick >= self.now - LATE]
            if self.catch_up == "one" and not chosen:
                chosen = due[-1:]
        self.next_at = self.after(chosen[-1] if self.catch_up == "all" else self.now)
        for tick in chosen:
            self._come(tick)
        return True

    def run(self) -> None:
        """Start one by hand."""
        moments = [moment for moment, kind in self.ticks if kind == "hand"]
        last = max(moments, default=self.now - timedelta.resolution)
        self._start(max(self.now, last + timedelta.resolution), "hand")

    def backfill(self, start: datetime, end: datetime) -> int | None:
        """Make up for the past; return how many were started, None if too many."""
        found = self.between(start, end)
        if len(found) > BATCH:
            return None
        new = [tick for tick in found if not self._was_started(tick)]
        for tick in new:
            self.ticks.pop((tick, "due"), None)
            self._start(tick, "backfill")
        return len(new)

    def pause(self) -> bool:
        """Pause; tell whether it was not."""
        took, self.is_paused = not self.is_paused, True
        return took

    def resume(self) -> bool:
        """Go on with the next tick; tell whether it was paused."""
        took, self.is_paused = self.is_paused, False
        if took:
            self.next_at = self.after(self.now)
        return took

    def change(self, minute: int) -> None:
        """Declare another minute of the hour."""
        if minute != self.minute:
            self.minute = minute
            self.next_at = self.after(self.now)

    def _come(self, tick: datetime) -> None:
        is_busy = any(kind != "backfill" for _, kind in self.active)
        if self.overlap == "allow" or not is_busy:
            if not self._has_come(tick):
                self._start(tick, "due")
        elif not self._has_come(tick):
            self.ticks[tick, "due"] = False
            self.skipped += 1

    def _has_come(self, tick: datetime) -> bool:
        return (tick, "due") in self.ticks or (tick, "backfill") in self.ticks

    def _was_started(self, tick: datetime) -> bool:
        return any(self.ticks.get((tick, kind)) for kind in ("due", "backfill"))

    def _start(self, moment: datetime, kind: str) -> None:
        self.ticks[moment, kind] = True
        self.active.add((moment, kind))
