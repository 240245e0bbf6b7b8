"""The load of an experiment: what is started, and how it is to end."""

import random
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from django.db import DatabaseError, InterfaceError, connection

from django_durable.models import Workflow
from django_durable.models.status import ACTIVE
from tests.chaos import workflows
from tests.chaos.beside import beside
from tests.chaos.checker import Ended
from tests.journeys.processes import wait_until
from tests.journeys.workflows import amixed, mixed, mixed_result

CHILD_OF_EVERY = 10
MIXED_OF_EVERY = 10
JOURNEYS = workflows.journey, workflows.ajourney
MIXED = mixed, amixed


class Load:
    """Starts workflows, sync and async in turn, and knows their results.

    Most are journeys; some are large, with children and branches of all kinds.
    ``expected`` is what the checker compares with; experiments add to it what
    they start themselves. While the database is away, starting waits for it.
    """

    def __init__(self, chance: random.Random) -> None:
        self.expected: dict[str, Ended] = {}
        # Its own, so that the experiment's choices do not depend on its pace.
        self._chance = random.Random(chance.random())
        # A start whose answer got lost is made again, under the same id.
        self._to_start: deque[Callable[[], object]] = deque()

    def start(self, count: int) -> None:
        """Start so many more."""
        for _ in range(count):
            number = len(self.expected)
            definition, arguments, result = self._choose(number)
            options = definition.using(workflow_id=f"load-{number}")
            self.expected[f"load-{number}"] = Ended(result)
            self._to_start.append(partial(options.start, *arguments))
        despite_faults(self._start)

    def keep_up(self, active: int) -> None:
        """Start as many as are missing until ``active`` are under way."""
        despite_faults(lambda: self.start(max(0, active - self.active())))

    def feeding(
        self, active: int, *, per_second: float
    ) -> AbstractContextManager[None]:
        """Keep so many under way during a block, from a thread beside it."""

        def feed() -> float:
            despite_faults(lambda: self.start(int(self.active() < active)))
            return 1 / per_second

        return beside(feed)

    def active(self) -> int:
        """Return how many workflows have not ended, children included."""
        return Workflow.objects.filter(status__in=ACTIVE).count()

    def wait(self, *, timeout: float = 60) -> None:
        """Wait until everything has been started and has ended."""
        wait_until(self._has_ended, "everything ends", timeout=timeout)

    def _choose(self, number: int) -> tuple[Any, tuple[Any, ...], Any]:
        """Return a definition, its arguments, and what it makes of them."""
        if self._chance.randrange(MIXED_OF_EVERY) == 0:
            nap = self._chance.choice([0.05, 0.2, 0.6])
            return MIXED[number % 2], (number, nap), mixed_result(number)
        has_child = self._chance.randrange(CHILD_OF_EVERY) == 0
        result = workflows.journey_result(number, has_child)
        return JOURNEYS[number % 2], (number, has_child), result

    def _has_ended(self) -> bool:
        active: list[int] = []

        def look() -> None:
            self._start()
            active.append(self.active())

        return despite_faults(look) and not active[0]

    def _start(self) -> None:
        while self._to_start:
            self._to_start[0]()
            self._to_start.popleft()


def despite_faults(work: Callable[[], object]) -> bool:
    """Do database work of the test itself; tell whether the database took it."""
    try:
        work()
    except (DatabaseError, InterfaceError):
        connection.close()
        return False
    return True
