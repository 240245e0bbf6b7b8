"""What a worker process holds, and that it does not grow with what waits."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from django.db import connection

from tests.chaos.fleet import ForkedWorker
from tests.journeys.processes import APPLICATION

# What the worker has beside its eight slots: threads, and as many connections.
OTHERS = 16
# Far less than 15,000 sleeping workflows would take, if they took anything.
MOST_BYTES = 8 * 2**20


@dataclass(frozen=True)
class Usage:
    """What a process holds at a moment."""

    threads: int
    connections: int
    memory: int

    @classmethod
    def of(cls, worker: ForkedWorker) -> Self:
        """Look at a worker."""
        facts = _facts(worker.pid)
        return cls(int(facts["Threads"]), connections_of(worker), _memory(facts))

    def __str__(self) -> str:
        return f"{self.threads} {self.connections} {self.memory / 2**20:.1f}"


def assert_nothing_grows(early: Usage, before: Usage, after: Usage) -> None:
    """What sleeps costs nothing, however much of it there is."""
    assert (after.threads, after.connections) == (before.threads, before.connections)
    for usage in (early, after):
        assert usage.threads <= 8 + OTHERS
        assert usage.connections <= 8 + OTHERS
    assert before.memory - early.memory < MOST_BYTES
    assert after.memory - before.memory < MOST_BYTES


def memory_of(pid: int) -> int | None:
    """Return how many bytes a process has in memory, None after its end."""
    try:
        return _memory(_facts(pid))
    except (OSError, KeyError):  # It is gone, or about to go.
        return None


def _facts(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":", 1) for line in lines)


def _memory(facts: dict[str, str]) -> int:
    return int(facts["VmRSS"].split()[0]) * 1024


def connections_of(worker: ForkedWorker) -> int:
    """Return how many connections a worker has to the database."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE application_name = %s AND datname = current_database()",
                [APPLICATION],
            )
            return cursor.fetchone()[0]
    name = str(connection.settings_dict["NAME"])
    links = [_target(link) for link in Path(f"/proc/{worker.pid}/fd").iterdir()]
    return links.count(name)


def _target(link: Path) -> str:
    """Return what an open file is; nothing when it was closed meanwhile."""
    try:
        return str(link.readlink())
    except FileNotFoundError:
        return ""
