"""How many steps per second do workers do when many workflows are queued?

Each workflow has five steps. The limit is what one connection commits, one row at
a time; group commit is what goes beyond it.
"""

from collections.abc import Iterator
from typing import Any

from benchmarks import bare, elsewhere, running, workflows
from benchmarks.peers import dbos
from benchmarks.rounds import Case

STEPS = 5
AT_A_TIME = 50
SETTINGS = {"CONCURRENCY": AT_A_TIME, "ASYNC_CONCURRENCY": AT_A_TIME}


def cases(*, quick: bool, peer: str | None = None) -> Iterator[Case]:
    """Return what to measure."""
    queued = 300 if quick else 2000
    for processes in (1, 2):
        for name, definition in (
            ("threads", workflows.in_sequence),
            ("tasks", workflows.ain_sequence),
        ):
            yield Case(
                f"{queued:,} x 5 steps, {processes} x {AT_A_TIME} {name}",
                "steps/s",
                lambda definition=definition, processes=processes: steps_per_second(
                    definition, queued, processes
                ),
                lambda: bare.commits_per_second(bare.steps(queued)),
                dbos.throughput_peer(
                    peer,
                    "steps_through",
                    definition.__name__,
                    queued,
                    STEPS,
                    processes,
                ),
            )


def steps_per_second(definition: Any, queued: int, processes: int) -> float:
    """Let workers empty the queue."""
    with elsewhere.workers(processes, **SETTINGS):
        return queued * STEPS / running.drain_seconds(definition, queued, STEPS)
