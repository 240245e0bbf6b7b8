"""How much of the processor does a workflow of five steps take?

In the worker, and in all processes of a PostgreSQL server on this machine; SQLite
works within the worker.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import psutil
from django.db import connection

from benchmarks import elsewhere, running, throughput, workflows
from benchmarks.peers import dbos
from benchmarks.rounds import Case, LeftOut


def cases(*, quick: bool, peer: str | None = None) -> Iterator[Case]:
    """Return what to measure."""
    queued = 300 if quick else 2000
    for name, definition in (
        ("threads", workflows.in_sequence),
        ("tasks", workflows.ain_sequence),
    ):
        yield Case(
            f"processor of the worker, {name}",
            "ms/workflow",
            lambda definition=definition: in_worker(definition, queued),
            peer=dbos.throughput_peer(
                peer, "processor", definition.__name__, queued, throughput.STEPS
            ),
        )
        yield Case(
            f"processor of the database, {name}",
            "ms/workflow",
            lambda definition=definition: in_database(definition, queued),
        )


def in_worker(definition: Any, queued: int) -> float:
    """Return milliseconds per workflow."""
    with elsewhere.workers(**throughput.SETTINGS) as workers:
        processes = [psutil.Process(worker.pid) for worker in workers]
        return _milliseconds(processes, definition, queued)


def in_database(definition: Any, queued: int) -> float:
    """Return milliseconds per workflow."""
    if connection.vendor != "postgresql":
        raise LeftOut("SQLite works within the worker")
    with elsewhere.workers(**throughput.SETTINGS):
        return _milliseconds(_server(), definition, queued)


def _server() -> list[psutil.Process]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    if not psutil.pid_exists(pid):
        raise LeftOut("the server is on another machine")
    postmaster = psutil.Process(pid).parent()
    return [postmaster, *postmaster.children()]


def _milliseconds(
    processes: Sequence[psutil.Process], definition: Any, queued: int
) -> float:
    before = _seconds(processes)
    running.drain_seconds(definition, queued, throughput.STEPS)
    return 1000 * (_seconds(processes) - before) / queued


def _seconds(processes: Sequence[psutil.Process]) -> float:
    """Return what they, and children that have ended, have used."""
    seconds = 0.0
    for process in processes:
        if process.is_running():
            times = process.cpu_times()
            seconds += times.user + times.system
            seconds += times.children_user + times.children_system
    return seconds
