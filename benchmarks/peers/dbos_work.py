"""What DBOS is measured at: python -m benchmarks.peers.dbos_work NAME ARGUMENTS.

Prints {"figure": …, "settings": …}. Where settings make a difference, several are
tried in short, and the best ones are measured.
"""

import asyncio
import itertools
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from time import perf_counter
from typing import Any
from uuid import uuid4

import psutil
import sqlalchemy
from dbos import DBOS, SQLAlchemyDatasource

from benchmarks.peers import dbos_app as app

Figure = float | list[float]
Answer = tuple[Figure, str]

# Pool of connections, threads, workflows at a time, seconds between polls.
SETTINGS: list[dict[str, Any]] = [
    {"pool": None, "threads": None, "concurrency": None, "polling": 1.0},
    {"pool": 20, "threads": 20, "concurrency": 10, "polling": 0.05},
    {"pool": 20, "threads": None, "concurrency": 4, "polling": 0.02},
    {"pool": 60, "threads": 60, "concurrency": 50, "polling": 0.1},
]
IN_SHORT = 60
CLOSE: dict[str, Any] = {
    "pool": 20,
    "threads": None,
    "concurrency": None,
    "polling": 0.01,
}
LISTENING = "listening and polling every 5 ms, queue polled every 10 ms"
WARM_UP = 10
LONGEST_SECONDS = 120.0


def best(name: str) -> tuple[None, dict[str, Any]]:
    """Return the settings that do best in short."""
    return None, min(SETTINGS, key=lambda each: drained(name, IN_SHORT, 5, 1, each)[0])


def throughput(
    name: str, number: int, steps: int, processes: int, settings: dict[str, Any]
) -> Answer:
    """Return workflows per second."""
    seconds, _ = drained(name, number, steps, processes, settings)
    return number / seconds, ""


def steps_through(
    name: str, number: int, steps: int, processes: int, settings: dict[str, Any]
) -> Answer:
    """Return steps per second."""
    seconds, _ = drained(name, number, steps, processes, settings)
    return number * steps / seconds, ""


def drained(
    name: str, number: int, steps: int, processes: int, settings: dict[str, Any]
) -> tuple[float, float]:
    """Return the seconds for a queue, and the processor's seconds of the workers."""
    migrate()
    outside = app.client()
    for _ in range(number):
        enqueue(outside, name, steps)
    with app.workers(processes, **settings) as workers:
        before = processor_seconds(workers)
        app.begin(workers)
        await_end()
        used = processor_seconds(workers) - before
    outside.destroy()
    seconds = app.query(
        "SELECT (max(completed_at) - min(started_at_epoch_ms)) / 1000.0"
        f" FROM {TABLE} WHERE queue_name = 'measured'"
    )
    empty()
    return float(seconds), used


TABLE = "workflow_status" if app.IS_SQLITE else "dbos.workflow_status"


def migrate() -> None:
    """Have the tables made."""
    DBOS.migrate(app.URL)


def empty() -> None:
    """Forget what was done."""
    engine = sqlalchemy.create_engine(app.driver_url())
    with engine.begin() as connection:
        for table in (TABLE, TABLE.replace("workflow_status", "queues")):
            connection.execute(sqlalchemy.text(f"DELETE FROM {table}"))
    engine.dispose()


def enqueue(outside: Any, name: str, *args: Any) -> Any:
    """Start a workflow from outside."""
    options = {"queue_name": app.QUEUE, "workflow_name": name, "app_version": "1"}
    return outside.enqueue(options, *args)


def await_end() -> None:
    """Wait until nothing is left."""
    give_up_at = time.monotonic() + LONGEST_SECONDS
    while app.query(
        f"SELECT count(*) FROM {TABLE} WHERE status IN ('ENQUEUED', 'PENDING')"
    ):
        assert time.monotonic() < give_up_at, "The round was not over in time."
        time.sleep(0.1)


def processor_seconds(workers: list[Any]) -> float:
    """Return what processes have used so far."""
    times = [psutil.Process(worker.pid).cpu_times() for worker in workers]
    return sum(each.user + each.system for each in times)


def enqueueing(number: int, threads: int) -> Answer:
    """Return workflows that are enqueued per second."""
    migrate()
    outside = app.client()
    outside._sys_db.engine.pool._pool.maxsize = max(5, threads)
    enqueue(outside, "in_sequence", 1)

    def enqueue_many() -> None:
        for _ in range(number // threads):
            enqueue(outside, "in_sequence", 1)

    crew = [threading.Thread(target=enqueue_many) for _ in range(threads)]
    started_at = perf_counter()
    for each in crew:
        each.start()
    for each in crew:
        each.join()
    return number / (perf_counter() - started_at), "DBOSClient.enqueue"


def steps(name: str, number: int) -> Answer:
    """Return steps per second of one workflow."""
    app.launch(pool=20)
    handle = DBOS.start_workflow(app.in_sequence, 5)
    handle.get_result()
    started_at = perf_counter()
    if name == "in_sequence":
        app.in_sequence(number)
    else:
        asyncio.run(app.ain_sequence(number))
    return number / (perf_counter() - started_at), "called directly"


def direct(number: int) -> Answer:
    """Return direct calls of a workflow of one step per second."""
    app.launch(pool=20)
    app.in_sequence(1)
    started_at = perf_counter()
    for _ in range(number):
        app.in_sequence(1)
    return number / (perf_counter() - started_at), "default"


def transactions(number: int) -> Answer:
    """Return transactions of one workflow per second."""
    migrate()
    source = SQLAlchemyDatasource.create(app.driver_url())
    with source.engine.begin() as connection:
        for text in (
            "CREATE TABLE IF NOT EXISTS account (id int primary key, balance int)",
            "DELETE FROM account",
            "INSERT INTO account VALUES (1, 0)",
        ):
            connection.execute(sqlalchemy.text(text))
    change = sqlalchemy.text("UPDATE account SET balance = balance + 1 WHERE id = 1")

    @source.transaction(isolation_level="READ COMMITTED")
    def deposit() -> None:
        source.sql_session().execute(change)

    @DBOS.workflow()
    def deposits(times: int) -> None:
        for _ in range(times):
            deposit()

    app.launch(pool=20)
    deposits(5)
    started_at = perf_counter()
    deposits(number)
    return number / (perf_counter() - started_at), "datasource, READ COMMITTED"


def until_result(steps: int, times: int) -> Answer:
    """Return milliseconds from enqueueing to the result, worker elsewhere."""

    def measure(outside: Any) -> list[float]:
        found = []
        for _ in range(times + WARM_UP):
            started_at = perf_counter()
            enqueue(outside, "in_sequence", steps).get_result(polling_interval_sec=0.01)
            found.append(perf_counter() - started_at)
        return found

    return beside_a_worker(measure)


def until_received(times: int) -> Answer:
    """Return milliseconds from a message to its arrival."""

    def measure(outside: Any) -> list[float]:
        handle, sent = enqueue(outside, "receives", times + WARM_UP), []
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
        handle = enqueue(outside, "sets_events", times + WARM_UP)
        return [
            -outside.get_event(handle.workflow_id, str(number)) + perf_counter()
            for number in range(times + WARM_UP)
        ]

    return beside_a_worker(measure)


def until_read(times: int, readers: int) -> Answer:
    """Return milliseconds from a stream's value to its readers."""

    def measure(outside: Any) -> list[float]:
        handle = enqueue(outside, "writes_slowly", times + WARM_UP)
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
    migrate()
    outside = app.client()
    with app.workers(1, **CLOSE) as workers:
        app.begin(workers)
        for _ in range(3):
            enqueue(outside, "in_sequence", 1).get_result(polling_interval_sec=0.05)
        found = measure(outside)[WARM_UP:]
    return [1000 * each for each in found], LISTENING


def stream_values(name: str, number: int) -> Answer:
    """Return values per second that one workflow writes."""
    app.launch(pool=20)
    definition = getattr(app, name)
    definition(5)
    started_at = perf_counter()
    definition(number)
    return number / (perf_counter() - started_at), "called directly"


def recovery(number: int, thousand: int) -> Answer:
    """Return seconds for so many half done workflows, times a thousand over them."""
    migrate()
    outside = app.client()
    for _ in range(number):
        enqueue(outside, "half_done")
    settings = {**SETTINGS[1], "concurrency": None, "threads": None}
    with app.workers(1, hangs=True, **settings) as workers:
        app.begin(workers)
        outputs = TABLE.replace("workflow_status", "operation_outputs")
        while app.query(f"SELECT count(*) FROM {outputs}") < 5 * number:
            time.sleep(0.1)
    killed = app.query(f"SELECT count(*) FROM {TABLE} WHERE status = 'PENDING'")
    assert killed == number, killed
    with app.workers(1, **settings):
        began_at = time.time()
        await_end()
    ended_at = app.query(f"SELECT max(completed_at) FROM {TABLE}")
    outside.destroy()
    return (ended_at / 1000 - began_at) * thousand / number, "from launch on"


def waiting(number: int, what: str) -> Answer:
    """Return threads, or kilobytes, per waiting workflow."""
    app.launch(pool=20)
    this = psutil.Process()
    DBOS.start_workflow(app.in_sequence, 1).get_result()
    threads, memory = this.num_threads(), this.memory_info().rss
    for _ in range(number):
        DBOS.start_workflow(app.waits)
    time.sleep(2)
    if what == "threads":
        return float(this.num_threads() - threads), f"{number:,} waiting"
    return (this.memory_info().rss - memory) / 1e6, f"{number:,} waiting"


def size(number: int, steps: int) -> Answer:
    """Return kilobytes of the database per workflow."""
    app.launch(pool=20)
    empty()
    before = database_bytes()
    for _ in range(number):
        app.in_sequence(steps)
    return (database_bytes() - before) / number / 1000, "default"


def database_bytes() -> float:
    """Return the size of its tables."""
    if app.IS_SQLITE:
        return float(app.query("PRAGMA page_count")) * app.query("PRAGMA page_size")
    return float(
        app.query(
            "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c"
            " JOIN pg_namespace n ON n.oid = relnamespace"
            " WHERE nspname = 'dbos' AND relkind = 'r'"
        )
    )


def processor(name: str, number: int, steps: int, settings: dict[str, Any]) -> Answer:
    """Return milliseconds of the processor per workflow, in the worker."""
    _, used = drained(name, number, steps, 1, settings)
    return 1000 * used / number, ""


if __name__ == "__main__":
    found, said = globals()[sys.argv[1]](*json.loads(sys.argv[2]))
    print(json.dumps({"figure": found, "settings": said}), flush=True)
    os._exit(0)  # Its threads are of no more use.
