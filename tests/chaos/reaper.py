"""Who kills workers: at any time, and at chosen points of what they do."""

import signal
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from tests.chaos.checker import Checker
from tests.chaos.dose import Dose
from tests.chaos.faults import POINTS
from tests.chaos.fleet import Fleet, ForkedWorker
from tests.chaos.takeovers import Takeovers
from tests.journeys.processes import wait_until

LATEST_POINT = 40
WHEN = ("before", "after")


class Reaper:
    """Keeps a fleet of workers manned: half of them are born doomed.

    ``points`` are where those die, each at the ``latest``-th time or before;
    ``settings`` are the workers' own.
    """

    def __init__(
        self,
        dose: Dose,
        fleet: Fleet,
        checker: Checker,
        directory: Path,
        *,
        workers: int = 4,
        points: Collection[str] = tuple(POINTS),
        latest: int = LATEST_POINT,
        **settings: Any,
    ) -> None:
        self.takeovers = Takeovers(directory)
        self.kills = 0
        self._dose = dose
        self._fleet = fleet
        self._checker = checker
        self._workers = workers
        self._points = sorted(points)
        self._latest = latest
        self._settings = settings
        self._alive: list[ForkedWorker] = []

    def man(self) -> None:
        """Start what is missing."""
        while len(self._alive) < self._workers:
            self._start(self._doom())

    def kill_one(self) -> None:
        """Replace who has died at a point; when nobody has, kill somebody."""
        fallen = [worker for worker in self._alive if not worker.is_running]
        for worker in fallen or [self._dose.chance.choice(self._alive)]:
            self._kill(worker, is_aimed=bool(fallen))
        self.man()

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Wait for something that workers do, or until all have died at a point."""
        wait_until(lambda: condition() or not self._is_anybody_there(), what)

    def _is_anybody_there(self) -> bool:
        return any(worker.is_running for worker in self._alive)

    def spare(self) -> None:
        """Leave only workers that will live."""
        for worker in [worker for worker in self._alive if worker.faults]:
            self._kill(worker)
        while len(self._alive) < self._workers:
            self._start("")

    def _start(self, faults: str) -> None:
        self._alive.append(self._fleet.start(faults=faults, **self._settings))

    def _kill(self, worker: ForkedWorker, *, is_aimed: bool = False) -> None:
        worker.signal(signal.SIGKILL)
        assert worker.ended() == -signal.SIGKILL
        self._alive.remove(worker)
        self._checker.excuse(worker.pid)
        self.takeovers.note_death(worker)
        self.kills += 1
        self._dose.count("kills at chosen points" if is_aimed else "kills at any time")

    def _doom(self) -> str:
        chance = self._dose.chance
        if chance.random() < 0.5:
            return ""
        point, when = chance.choice(self._points), chance.choice(WHEN)
        return f"die:{point}:{when}:{chance.randrange(1, self._latest)}"
