"""How long does a message take?

Sent by this process and received by a workflow of a worker elsewhere; ping-pong is
played by two workflows of one worker. The limit is bare commits: one to send a
message and one to receive it, where there are pauses after pauses as long.
"""

import time
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any
from uuid import uuid4

import django_durable as durable
from benchmarks import bare, elsewhere, running, workflows
from benchmarks.peers import dbos
from benchmarks.rounds import Case

# What is not measured: connections open, statements are prepared.
WARM_UP = 10
# Every wait suspends at once.
COLD = {"HOT_WAIT": 0, "ASYNC_HOT_WAIT": 0}


def cases(*, quick: bool, peer: str | None = None) -> Iterator[Case]:
    """Return what to measure."""
    times = 40 if quick else 200

    def after_pauses(commits: int) -> float:
        return bare.milliseconds_after_pauses(commits, times, workflows.PAUSE_SECONDS)

    def in_a_row(commits: int) -> float:
        return bare.milliseconds(commits, times * 3)

    def case(
        name: str,
        measure: Callable[[Any, int], list[float]],
        definition: Any,
        commits: int,
        counterpart: str,
        limit: Callable[[int], float] = after_pauses,
        **durable: object,
    ) -> Case:
        def measure_round() -> list[float]:
            with elsewhere.workers(**durable):
                found = measure(definition, times + WARM_UP)
            return [1000 * each for each in found[WARM_UP:]]

        return Case(
            name,
            "ms",
            measure_round,
            lambda: limit(commits),
            dbos.peer(peer, counterpart, times // dbos.SHARE),
        )

    receives, areceives = workflows.receives, workflows.areceives
    plays, aplays = workflows.plays, workflows.aplays
    heard = "until_received"
    yield case("send to recv, hot", until_received, receives, 2, heard)
    yield case("send to recv, hot, async", until_received, areceives, 2, heard)
    yield case("ping-pong", round_trips, plays, 4, "round_trips", in_a_row)
    yield case("ping-pong, async", round_trips, aplays, 4, "round_trips", in_a_row)
    yield case("send to recv, suspended", until_woken, receives, 2, heard, **COLD)
    yield case(
        "send to recv, suspended, async", until_woken, areceives, 2, heard, **COLD
    )


def until_received(definition: Any, times: int) -> list[float]:
    """Send messages to a workflow that waits for each of them."""
    handle, sent = definition.start(times), []
    for number in range(times):
        time.sleep(workflows.PAUSE_SECONDS)
        sent.append(perf_counter())
        durable.send(handle, number)
    return _differences(sent, handle.get_result(running.LONGEST_SECONDS))


def until_woken(definition: Any, times: int) -> list[float]:
    """Send a message each to workflows that have left memory."""
    return [_until_woken(definition) for _ in range(times)]


def _until_woken(definition: Any) -> float:
    handle = definition.start(1)
    while handle.get_status() != "WAITING":
        time.sleep(0.002)
    sent = perf_counter()
    durable.send(handle, "wake")
    (received,) = handle.get_result(running.LONGEST_SECONDS)
    return received - sent


def round_trips(definition: Any, times: int) -> list[float]:
    """Let two workflows of one worker play: each trip is two messages."""
    one, two = str(uuid4()), str(uuid4())
    handles = [
        definition.using(workflow_id=two).start(one, times, False),
        definition.using(workflow_id=one).start(two, times, True),
    ]
    _, moments = [handle.get_result(running.LONGEST_SECONDS) for handle in handles]
    return _differences(moments[:-1], moments[1:])


def _differences(earlier: list[float], later: list[float]) -> list[float]:
    return [end - start for start, end in zip(earlier, later, strict=True)]
