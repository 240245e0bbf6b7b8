"""What limits of queues have kept from a worker, and when it is to claim again."""

import math
import threading
from datetime import datetime

from django_durable import clock
from django_durable.models import faults
from django_durable.models.taking import Taking

# So long after queues with limits were met, they are expected with each claim.
EXPECTED_SECONDS = 60.0
# A rate that lets many start in a second is looked at no more often.
CALM_SECONDS = 0.01


class HeldQueues:
    """Remembers the queues that were held back; executions tell of free places.

    Nothing is asked for again while nothing can have changed: not before an
    execution of this worker has left a full queue, the rate of one lets the next
    start, or whoever was claiming has had the time to commit.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._full: set[str] = set()
        self._left: set[str] = set()
        self._look_at = math.inf
        self._expected_until = 0.0
        self._tries = 0

    @property
    def are_expected(self) -> bool:
        """Tell whether a claim should be prepared for queues with limits."""
        return clock.monotonic() < self._expected_until

    @property
    def is_settled(self) -> bool:
        """Tell whether nothing that was held back is about to be looked at again."""
        return not self._tries and clock.monotonic() < self._look_at

    def begin(self) -> None:
        """Forget the last look: the next one asks for everything."""
        with self._lock:
            self._full.clear()
            self._left.clear()
            self._look_at = math.inf

    def note(self, taking: Taking, now: datetime) -> None:
        """Know what a claim that began at ``now`` had to leave."""
        with self._lock:
            if taking.has_met_limits and not self.are_expected:
                self._expected_until = clock.monotonic() + EXPECTED_SECONDS
            self._tries = self._tries + 1 if taking.is_disturbed else 0
            if self._tries:
                self._look_in(faults.pause_seconds(self._tries - 2))
            for held in taking.held_back:
                if held.is_full:
                    self._full.add(held.queue_name)
                if held.free_at is not None:
                    left = (held.free_at - now).total_seconds()
                    self._look_in(max(CALM_SECONDS, left))
            if self._full & self._left:  # Perhaps after the claim had counted.
                self._look_at = 0.0

    def note_place(self, queue_name: str) -> bool:
        """Know that an execution has left; return whether that is to be looked at."""
        with self._lock:
            self._left.add(queue_name)
            is_full = queue_name in self._full
            if is_full:
                self._look_at = 0.0
        return is_full

    def may_have_gone(self, now: float) -> bool:
        """Tell, once, whether by now something may be taken that was held back."""
        with self._lock:
            has_come = now >= self._look_at
            if has_come:
                self._look_at = math.inf
        return has_come

    def seconds_left(self, now: float) -> float:
        """Return how long nothing can be taken of what was held back."""
        return self._look_at - now

    def _look_in(self, seconds: float) -> None:
        self._look_at = min(self._look_at, clock.monotonic() + seconds)
