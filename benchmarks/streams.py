"""How many values does a workflow write to a stream, and how soon are they read?

From its body each value is a step, written exactly once; from inside a step
values are written together. The writers of one stream are parallel steps of one
workflow. The limit is one connection that inserts and commits one row at a time,
for latencies one such commit, after a pause as long as that between two values.
"""

import threading
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

from django.db import connection

import django_durable as durable
from benchmarks import bare, elsewhere, running, workflows
from benchmarks.peers import dbos
from benchmarks.rounds import Case, Peer

WARM_UP = 10


def cases(*, quick: bool, peer: str | None = None) -> Iterator[Case]:
    """Return what to measure."""
    single = 300 if quick else 2000
    many = 5000 if quick else 30000

    def rate(name: str, definition: Any, values: int, *args: int) -> Case:
        return Case(
            name,
            "values/s",
            lambda: per_second(definition, values, *args),
            lambda: bare.commits_per_second(bare.steps(single)),
            _counterpart(peer, definition.__name__, single),
        )

    yield rate("values from a body", workflows.writes, single)
    yield rate("values from a step", workflows.writes_inside, many)
    yield rate("values from an async step", workflows.awrites_inside, many)
    for writers in (1, 4, 8):
        yield rate(
            f"values from {writers} at once", workflows.writes_at_once, many, writers
        )
    for writers in (1, 8):
        yield rate(
            f"values from {writers} async at once",
            workflows.awrites_at_once,
            many,
            writers,
        )
    yield from _latencies(60 if quick else 200, peer)


def _counterpart(asked: str | None, name: str, single: int) -> Peer | None:
    if name not in ("writes", "writes_inside"):
        return None
    return dbos.peer(asked, "stream_values", name, single // dbos.SHARE)


def _latencies(times: int, peer: str | None) -> Iterator[Case]:
    def latency(name: str, definition: Any, times: int, readers: int) -> Case:
        return Case(
            name,
            "ms",
            lambda: from_elsewhere(definition, times, readers),
            lambda: bare.milliseconds_after_pauses(1, times, workflows.PAUSE_SECONDS),
            dbos.peer(peer, "until_read", times // dbos.SHARE, readers),
        )

    yield latency("write to reader, body", workflows.writes_slowly, times, 1)
    yield latency("write to reader, step", workflows.writes_slowly_inside, times, 1)
    yield latency("write to 20 readers", workflows.writes_slowly, times // 2, 20)


def per_second(definition: Any, values: int, *writers: int) -> float:
    """Have a worker elsewhere write so many values, shared by the writers."""
    shares = [values // number for number in writers] or [values]

    def write() -> None:
        definition.start(*writers, *shares).get_result(running.LONGEST_SECONDS)

    with elsewhere.workers():
        definition.start(*writers, 100).get_result(running.LONGEST_SECONDS)
        return values / running.seconds_for(write)


def from_elsewhere(definition: Any, times: int, readers: int) -> list[float]:
    """Have a worker elsewhere write them."""
    with elsewhere.workers():
        found = until_read(definition, times + WARM_UP, readers)
    return [1000 * each for each in found]


def until_read(definition: Any, times: int, readers: int = 1) -> list[float]:
    """Follow a stream, from several threads of this process."""
    handle, found = definition.start(times), list[float]()

    def read() -> None:
        values = durable.read_stream(handle, "moments")
        found.extend([-value + perf_counter() for value in values][WARM_UP:])

    if readers == 1:
        read()
    else:
        _all(read, readers)
    return found


def _all(read: Callable[[], None], readers: int) -> None:
    def read_and_leave() -> None:
        try:
            read()
        finally:
            connection.close()

    crew = [threading.Thread(target=read_and_leave) for _ in range(readers)]
    for each in crew:
        each.start()
    for each in crew:
        each.join()
