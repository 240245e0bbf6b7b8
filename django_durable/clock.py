"""The only place that asks the time.

``now()`` is the local monotonic clock plus the database's offset, so that the
workers of one database agree on what is due, and a step of the local wall clock
moves nothing. Workers refresh the offset with each heartbeat; other processes
take it at first use. Leases use the database's own clock, not this one.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock:
    """A wall clock that follows the database and never runs backwards by itself."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._base = time.time() - time.monotonic()
        self._is_set = False
        self._ask: Callable[[], datetime | None] | None = None

    def now(self) -> datetime:
        """Return the database's time as well as it is known here, in UTC."""
        if not self._is_set:
            self._first_use()
        return _EPOCH + timedelta(seconds=self._base + time.monotonic())

    def follow(self, ask: Callable[[], datetime | None]) -> None:
        """Name the function that reads the database's time (None: unknown)."""
        self._ask = ask

    def synchronize(
        self, database_time: datetime, *, asked_at: float | None = None
    ) -> None:
        """Take ``database_time``, just read, for the present moment.

        The answer to a question of the monotonic moment ``asked_at`` may be as
        old as that: an offset that agrees with it stays, however long it took.
        """
        seconds = (database_time - _EPOCH).total_seconds()
        with self._lock:
            base = seconds - time.monotonic()
            if asked_at is not None and self._is_set:
                base = min(max(base, self._base), seconds - asked_at)
            self._base = base
            self._is_set = True

    def _first_use(self) -> None:
        self._is_set = True
        database_time = self._ask() if self._ask is not None else None
        if database_time is not None:
            self.synchronize(database_time)


class TellsTime(Protocol):
    """What can stand in for the clock."""

    def now(self) -> datetime: ...


_clock = Clock()
_shown: TellsTime = _clock


def now() -> datetime:
    """Return the present moment as an aware datetime in UTC."""
    return _shown.now()


def shown() -> TellsTime:
    """Return the clock that ``now()`` asks."""
    return _shown


@contextmanager
def replaced_by(other: TellsTime) -> Iterator[None]:
    """Let ``now()`` ask another clock for a block, in every thread: for tests."""
    global _shown
    previous, _shown = _shown, other
    try:
        yield
    finally:
        _shown = previous


def monotonic() -> float:
    """Return seconds that only grow, for measuring how long something took."""
    return time.monotonic()


def wall_seconds() -> float:
    """Return this machine's Unix time, which signed tokens expire by."""
    return time.time()


def follow(ask: Callable[[], datetime | None]) -> None:
    """Take the offset at first use from ``ask()``."""
    _clock.follow(ask)


def synchronize(database_time: datetime, *, asked_at: float | None = None) -> None:
    """Refresh the offset with a time just read from the database."""
    _clock.synchronize(database_time, asked_at=asked_at)
