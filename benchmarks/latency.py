"""How long does it take from a start to the result, when the worker is idle?

The worker is a process of its own, except where it says otherwise. The limit is
the bare commits that it cannot do without: start, claim, outcome, and the step.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks import bare, elsewhere, running, workflows
from benchmarks.peers import dbos
from benchmarks.rounds import Case
from django_durable.worker import Worker

# What is not measured: connections open, statements are prepared.
WARM_UP = 10


def cases(*, quick: bool, peer: str | None = None) -> Iterator[Case]:
    """Return what to measure."""
    times = 40 if quick else 200
    one, aone = workflows.in_sequence, workflows.ain_sequence
    for name, definition, steps in (
        ("no-op", one, 0),
        ("no-op, async", aone, 0),
        ("one step", one, 1),
        ("one step, async", aone, 1),
    ):
        yield Case(
            f"start to result, {name}",
            "ms",
            lambda definition=definition, steps=steps: from_elsewhere(
                definition, steps, times
            ),
            lambda steps=steps: bare.milliseconds(3 + steps, times * 3),
            dbos.peer(peer, "until_result", steps, times // dbos.SHARE),
        )
    yield Case(
        "start to result, one step, same process",
        "ms",
        lambda: from_here(one, times),
        lambda: bare.milliseconds(4, times * 3),
    )


def from_elsewhere(definition: Any, steps: int, times: int) -> list[float]:
    """Start workflows one by one."""
    with elsewhere.workers():
        return until_result(definition, steps, times + WARM_UP)[WARM_UP:]


def from_here(definition: Any, times: int) -> list[float]:
    """See from_elsewhere(), with a worker beside the client."""
    with idle_worker(concurrency=2, async_concurrency=2):
        return until_result(definition, 1, times + WARM_UP)[WARM_UP:]


def until_result(definition: Any, steps: int, times: int) -> list[float]:
    """Return milliseconds from each start to the result."""

    def once() -> None:
        definition.start(steps).get_result(running.LONGEST_SECONDS)

    return [1000 * running.seconds_for(once) for _ in range(times)]


@contextmanager
def idle_worker(**options: Any) -> Iterator[Worker]:
    """Run one in this process that has found out that there is nothing to do."""
    elsewhere.dismiss()
    with Worker(**options) as worker:
        give_up_at = time.monotonic() + running.LONGEST_SECONDS
        while not worker.is_idle and time.monotonic() < give_up_at:
            time.sleep(0.01)
        yield worker
