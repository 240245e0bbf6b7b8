"""I16 and I17: what workers ask of the database's server, and of their machine."""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from django.db import connection

from tests.chaos.dose import Dose
from tests.chaos.fleet import Fleet
from tests.chaos.usage import OTHERS, memory_of
from tests.journeys.processes import APPLICATION

PROMISES = {
    "I16": "transactions do not idle, locks are soon free, connections are bounded",
    "I17": "workers do not grow",
}
PER_HOUR = 20 * 2**20
# What comes and goes: buffers, and pages that the allocator keeps.
NOISE = 16 * 2**20
# Until then everything is used for the first time.
WARM_SECONDS = 60.0
SLOTS = 8

_ABOUT = "FROM pg_stat_activity WHERE datname = current_database()"
_ABOUT += " AND application_name = %s"
IDLE = f"""
    SELECT pid {_ABOUT} AND state LIKE 'idle in transaction%%'
    AND clock_timestamp() - state_change > make_interval(secs => %s)"""
WAITING = f"""
    SELECT DISTINCT pid FROM pg_locks WHERE NOT granted
    AND clock_timestamp() - waitstart > make_interval(secs => %s)
    AND pid IN (SELECT pid {_ABOUT})"""
CONNECTIONS = f"SELECT count(*) {_ABOUT}"


class Excess(NamedTuple):
    """Something that asks for too much."""

    invariant: str
    where: str
    what: str


class Resources:
    """Looks at what the workers of a fleet hold.

    For experiments that neither freeze processes nor cut connections: there
    nobody can keep these promises.
    """

    def __init__(
        self,
        dose: Dose,
        pids: Callable[[], list[int]],
        memory: Callable[[int], int | None] = memory_of,
    ) -> None:
        # A busy machine must not fail a test: only a full run looks at the time.
        self.idle_seconds = dose.pick(30.0, 1.0)
        self.lock_seconds = dose.pick(30.0, 5.0)
        self.connections_each = SLOTS + OTHERS
        self.now = time.monotonic
        self._pids = pids
        self._memory = memory
        self._seen: dict[int, float] = {}
        self._warm: dict[int, tuple[float, int]] = {}

    @property
    def promises(self) -> set[str]:
        """What could be looked at: memory once a worker has lived long enough."""
        on_server = {"I16"} if connection.vendor == "postgresql" else set()
        return on_server | ({"I17"} if self._warm else set())

    @classmethod
    def of(cls, dose: Dose, fleet: Fleet) -> "Resources":
        """Look at all workers of a fleet that run."""
        return cls(dose, lambda: [worker.pid for worker in fleet.running])

    def look(self) -> Iterator[Excess]:
        """Yield what is too much at this moment."""
        if connection.vendor == "postgresql":
            yield from self._look_at_the_server()
        now = self.now()
        for pid in self._pids():
            yield from self._look_at_memory(pid, now)

    def _look_at_the_server(self) -> Iterator[Excess]:
        most = self.connections_each * len(self._pids())
        with connection.cursor() as cursor:
            cursor.execute(IDLE, [APPLICATION, self.idle_seconds])
            for (pid,) in cursor.fetchall():
                yield Excess("I16", f"backend {pid}", "idles in a transaction")
            cursor.execute(WAITING, [self.lock_seconds, APPLICATION])
            for (pid,) in cursor.fetchall():
                yield Excess("I16", f"backend {pid}", "waits long for a lock")
            cursor.execute(CONNECTIONS, [APPLICATION])
            (count,) = cursor.fetchone()
        if count > most:
            yield Excess("I16", "server", f"has more than {most} connections")

    def _look_at_memory(self, pid: int, now: float) -> Iterator[Excess]:
        held = self._memory(pid)
        if held is None or now - self._seen.setdefault(pid, now) < WARM_SECONDS:
            return
        since, before = self._warm.setdefault(pid, (now, held))
        if held - before > NOISE + PER_HOUR * (now - since) / 3600:
            yield Excess("I17", f"worker {pid}", "grows by more than 20 MB an hour")
