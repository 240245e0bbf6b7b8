"""How long does it take until somebody else has it?

The worker is a process of its own, except where it says otherwise; the client is
this process. The limit is one bare commit: a message cannot cost less than two,
one to send it and one to receive it, and a workflow of one step not less than
four.
"""

import time
from collections.abc import Callable
from time import perf_counter
from typing import Any
from uuid import uuid4

import django_durable as durable
from benchmarks import commits, elsewhere, running, workflows
from benchmarks.rounds import Case, Question

# What is not measured: connections open, statements are prepared.
WARM_UP = 10
# Every wait suspends at once.
COLD = {"HOT_WAIT": 0, "ASYNC_HOT_WAIT": 0}

Measure = Callable[[Any, int], list[float]]


def question(*, quick: bool) -> Question:
    """Return what to measure."""
    times = 40 if quick else 200

    def case(name: str, measure: Measure, definition: Any, **durable: object) -> Case:
        def measure_round() -> list[float]:
            with elsewhere.worker(**durable):
                return _milliseconds(measure(definition, times + WARM_UP))

        return Case(name, measure_round)

    one_step, plays = workflows.in_sequence, workflows.plays
    receives, areceives = workflows.receives, workflows.areceives
    return Question(
        "latency",
        "ms",
        Case("bare commit", lambda: 1000 / commits.commits_per_second(times * 4)),
        [
            Case("start to result, same process", lambda: in_this_process(times)),
            case("start to result", until_result, one_step),
            case("start to result, async", until_result, workflows.ain_sequence),
            case("send to recv, hot", until_received, receives),
            case("send to recv, hot, async", until_received, areceives),
            case("send to recv, suspended", until_woken, receives, **COLD),
            case("send to recv, suspended, async", until_woken, areceives, **COLD),
            case("ping-pong", round_trips, plays),
            case("ping-pong, async", round_trips, workflows.aplays),
            case("set_event to get_event", until_event, workflows.sets_events),
            case("write_stream to reader", until_read, workflows.writes_slowly),
        ],
    )


def until_result(definition: Any, times: int) -> list[float]:
    """Start workflows of one step, one by one."""

    def once() -> None:
        definition.start(1).get_result(running.LONGEST_SECONDS)

    return [running.seconds_for(once) for _ in range(times)]


def in_this_process(times: int) -> list[float]:
    """See until_result(), with a worker beside the client."""
    with running.idle_worker(concurrency=2, async_concurrency=2):
        return _milliseconds(until_result(workflows.in_sequence, times + WARM_UP))


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


def until_event(definition: Any, times: int) -> list[float]:
    """Wait for one event after the other."""
    handle = definition.start(times)
    return [
        -durable.get_event(handle, str(number)) + perf_counter()
        for number in range(times)
    ]


def until_read(definition: Any, times: int) -> list[float]:
    """Follow a stream."""
    handle = definition.start(times)
    values = durable.read_stream(handle, "moments")
    return [-value + perf_counter() for value in values]


def _differences(earlier: list[float], later: list[float]) -> list[float]:
    return [end - start for start, end in zip(earlier, later, strict=True)]


def _milliseconds(seconds: list[float]) -> list[float]:
    return [1000 * each for each in seconds[WARM_UP:]]
