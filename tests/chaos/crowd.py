"""Processes beside the workers: killed, they begin again until they are done."""

import signal
from collections.abc import Mapping, Sequence

from tests.chaos.dose import Dose
from tests.chaos.fleet import Fleet, ForkedWorker
from tests.journeys.processes import wait_until

Call = Sequence[object]


class Crowd:
    """Calls functions, each in a process of its own: the path, and its arguments."""

    def __init__(self, dose: Dose, fleet: Fleet, calls: Mapping[str, Call]) -> None:
        self.kills = 0
        self._dose = dose
        self._fleet = fleet
        self._calls = calls
        self._alive = {name: self._start(name) for name in calls}

    def kill_one(self) -> None:
        """Kill one that is not done, and let it begin again."""
        is_killed = False
        self._bury()
        while self._alive and not is_killed:  # One may have got done meanwhile.
            process = self._alive[self._dose.chance.choice(sorted(self._alive))]
            process.kill()
            is_killed = process.code == -signal.SIGKILL
            self.kills += is_killed
            self._bury()

    def wait(self, *, timeout: float = 60) -> None:
        """Wait until all are done."""
        wait_until(self._are_done, "the crowd is done", timeout=timeout)
        self._dose.count("kills of senders and readers", self.kills)

    def _are_done(self) -> bool:
        self._bury()
        return not self._alive

    def _bury(self) -> None:
        for name, process in list(self._alive.items()):
            if not process.is_running:
                del self._alive[name]
                if process.code == -signal.SIGKILL:
                    self._alive[name] = self._start(name)
                else:
                    assert process.code == 0, f"{name}: exit code {process.code}"

    def _start(self, name: str) -> ForkedWorker:
        path, *arguments = self._calls[name]
        return self._fleet.call(f"tests.chaos.talk.{path}", name, *arguments)
