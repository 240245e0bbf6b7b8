"""How long does an event take from its workflow to a reader in another process?

The limit is one bare commit, after a pause as long as that between two events.
"""

from collections.abc import Iterator
from time import perf_counter
from typing import Any

import django_durable as durable
from benchmarks import bare, elsewhere, workflows
from benchmarks.peers import dbos
from benchmarks.rounds import Case

WARM_UP = 10


def cases(*, quick: bool, peer: str | None = None) -> Iterator[Case]:
    """Return what to measure."""
    times = 40 if quick else 200
    yield Case(
        "set_event to get_event",
        "ms",
        lambda: from_elsewhere(times),
        lambda: bare.milliseconds_after_pauses(1, times, workflows.PAUSE_SECONDS),
        dbos.peer(peer, "until_event", times // dbos.SHARE),
    )


def from_elsewhere(times: int) -> list[float]:
    """Have a worker elsewhere set them."""
    with elsewhere.workers():
        found = until_event(workflows.sets_events, times + WARM_UP)
    return [1000 * each for each in found[WARM_UP:]]


def until_event(definition: Any, times: int) -> list[float]:
    """Wait for one event after the other."""
    handle = definition.start(times)
    return [
        -durable.get_event(handle, str(number)) + perf_counter()
        for number in range(times)
    ]
