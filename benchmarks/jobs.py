"""How many workflows of one step does one worker process do, beside Celery?

Celery runs jobs that do nothing, with Redis, which keeps them in memory only. The
limit is four bare commits: start, claim, step and outcome.
"""

from collections.abc import Iterator
from typing import Any

from benchmarks import bare, elsewhere, running, throughput, workflows
from benchmarks.peers import celery, dbos
from benchmarks.rounds import Case

COMMITS = 4


def cases(*, quick: bool, peer: str | None = None) -> Iterator[Case]:
    """Return what to measure."""
    queued = 400 if quick else 3000
    for name, definition in (
        ("threads", workflows.in_sequence),
        ("tasks", workflows.ain_sequence),
    ):
        yield Case(
            f"one-step workflows, {throughput.AT_A_TIME} {name}",
            "workflows/s",
            lambda definition=definition: per_second(definition, queued),
            lambda: bare.commits_per_second(bare.steps(queued)) / COMMITS,
            celery.peer(queued, quick=quick),
        )
        if counterpart := dbos.throughput_peer(
            peer, "throughput", definition.__name__, queued, 1, 1
        ):
            yield Case(
                f"one-step workflows, {throughput.AT_A_TIME} {name} (DBOS)",
                "workflows/s",
                lambda definition=definition: per_second(definition, queued),
                peer=counterpart,
            )


def per_second(definition: Any, queued: int) -> float:
    """Let a worker empty the queue."""
    with elsewhere.workers(1, **throughput.SETTINGS):
        return queued / running.drain_seconds(definition, queued, 1)
