"""What happens when: moments of the past, lived through one after the other."""

import heapq
import itertools
import random
from collections.abc import Callable
from datetime import datetime, timedelta

from django_durable.testing import VirtualTime

Happening = Callable[[], object]


class Timeline:
    """Plans what happens, and lives through it in virtual time."""

    def __init__(self, time: VirtualTime, end: datetime, chance: random.Random) -> None:
        self.end = end
        self.chance = chance
        self._time = time
        self._plan: list[tuple[datetime, int, Happening]] = []
        self._order = itertools.count()

    @property
    def now(self) -> datetime:
        """The moment that has come."""
        return self._time.now()

    def at(self, moment: datetime, happening: Happening) -> None:
        """Plan something; what would come after the end does not happen."""
        if moment < self.end:
            heapq.heappush(self._plan, (moment, next(self._order), happening))

    def after(self, delay: timedelta, happening: Happening) -> None:
        """Plan something from now on."""
        self.at(self.now + delay, happening)

    def some(self, *, minutes: float) -> timedelta:
        """Return a length of time of about so many minutes."""
        return timedelta(minutes=minutes * self.chance.uniform(0.5, 1.5))

    def pass_by(self, seconds: float) -> None:
        """Take the place of ``time.sleep()``: now shorter, now longer."""
        self._time.advance(seconds * self.chance.lognormvariate(-0.5, 0.8))

    def live(self) -> None:
        """Let everything happen, with what the workflows do in between."""
        while self._plan:
            moment, _, happening = heapq.heappop(self._plan)
            self._live_until(moment)
            happening()
        self._live_until(self.end)

    def _live_until(self, moment: datetime) -> None:
        self._time.run_for(max(moment - self.now, timedelta()))
