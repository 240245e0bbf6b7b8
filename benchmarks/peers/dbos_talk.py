"""How soon DBOS has something elsewhere: see dbos_work, which runs it."""

import itertools
import threading
import time
from collections.abc import Callable
from time import perf_counter
from typing import Any
from uuid import uuid4

from benchmarks.peers import dbos_app as app

Answer = tuple[list[float], str]

CLOSE: dict[str, Any] = {
    "pool": 20,
    "threads": None,
    "concurrency": None,
    "polling": 0.01,
}
LISTENING = "listening and polling every 5 ms, queue polled every 10 ms"
WARM_UP = 10


def until_result(steps: int, times: int) -> Answer:
    """Return milliseconds from enqueueing to the result, worker elsewhere."""

    def measure(outside: Any) -> list[float]:
        found = []
        for _ in range(times + WARM_UP):
            started_at = perf_counter()
            app.enqueue(outside, "in_sequence", steps).get_result(
                polling_interval_sec=0.01
            )
            found.append(perf_counter() - started_at)
        return found

    return beside_a_worker(measure)


def until_received(times: int) -> Answer:
    """Return milliseconds from a message to its arrival."""

    def measure(outside: Any) -> list[float]:
        handle, sent = app.enqueue(outside, "receives", times + WARM_UP), []
        time.sleep(0.5)
        for number in range(times + WARM_UP):
            time.sleep(app.PAUSE_SECONDS)
            sent.append(perf_counter())
            outside.send(handle.workflow_id, number)
        received = handle.get_result(polling_interval_sec=0.05)
        return [end - start for start, end in zip(sent, received, strict=True)]

    return beside_a_worker(measure)


def round_trips(times: int) -> Answer:
    """Return milliseconds of two messages, one there and one back."""

    def measure(outside: Any) -> list[float]:
        one, two = str(uuid4()), str(uuid4())
        for me, other, serves in ((two, one, False), (one, two, True)):
            options = {
                "queue_name": app.QUEUE,
                "workflow_name": "plays",
                "app_version": "1",
                "workflow_id": me,
            }
            handle = outside.enqueue(options, other, times + WARM_UP, serves)
        moments = handle.get_result(polling_interval_sec=0.05)
        return [b - a for a, b in itertools.pairwise(moments)]

    return beside_a_worker(measure)


def until_event(times: int) -> Answer:
    """Return milliseconds from an event to its reader."""

    def measure(outside: Any) -> list[float]:
        handle = app.enqueue(outside, "sets_events", times + WARM_UP)
        return [
            -outside.get_event(handle.workflow_id, str(number)) + perf_counter()
            for number in range(times + WARM_UP)
        ]

    return beside_a_worker(measure)


def until_read(times: int, readers: int) -> Answer:
    """Return milliseconds from a stream's value to its readers."""

    def measure(outside: Any) -> list[float]:
        handle = app.enqueue(outside, "writes_slowly", times + WARM_UP)
        found: list[list[float]] = []

        def read() -> None:
            values = outside.read_stream(
                handle.workflow_id, "moments", polling_interval_sec=0.01
            )
            found.append([-value + perf_counter() for value in values])

        crew = [threading.Thread(target=read) for _ in range(readers)]
        for each in crew:
            each.start()
        for each in crew:
            each.join()
        return [each for one in found for each in one]

    return beside_a_worker(measure)


def beside_a_worker(measure: Callable[[Any], list[float]]) -> Answer:
    """Measure with a worker elsewhere that is warm."""
    app.migrate()
    outside = app.client()
    with app.workers(1, **CLOSE) as workers:
        app.begin(workers)
        for _ in range(3):
            app.enqueue(outside, "in_sequence", 1).get_result(polling_interval_sec=0.05)
        found = measure(outside)[WARM_UP:]
    return [1000 * each for each in found], LISTENING
