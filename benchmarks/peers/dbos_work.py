"""What DBOS is measured at: python -m benchmarks.peers.dbos_work NAME ARGUMENTS.

Prints {"figure": …, "settings": …}. Where settings make a difference, several are
tried in short, and the best ones are measured.
"""

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from time import perf_counter
from typing import Any

import psutil
import sqlalchemy
from dbos import DBOS, SQLAlchemyDatasource

from benchmarks.peers import dbos_app as app, dbos_talk

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
LONGEST_SECONDS = 120.0
LOOK_SECONDS = 0.02


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
    app.migrate()
    outside = app.client()
    for _ in range(number):
        app.enqueue(outside, name, steps)
    with app.workers(processes, **settings) as workers:
        before = processor_seconds(workers)
        app.begin(workers)
        await_none("ENQUEUED", more_than=number - 1)
        started_at = perf_counter()
        await_none("ENQUEUED", "PENDING")
        seconds = perf_counter() - started_at
        used = processor_seconds(workers) - before
    outside.destroy()
    empty()
    return seconds, used


TABLE = "workflow_status" if app.IS_SQLITE else "dbos.workflow_status"


def empty() -> None:
    """Forget what was done."""
    engine = sqlalchemy.create_engine(app.driver_url())
    with engine.begin() as connection:
        for table in (TABLE, TABLE.replace("workflow_status", "queues")):
            connection.execute(sqlalchemy.text(f"DELETE FROM {table}"))
    engine.dispose()


def await_none(*statuses: str, more_than: int = 0) -> None:
    """Wait until no more than so many workflows have one of these."""
    give_up_at = time.monotonic() + LONGEST_SECONDS
    names = ", ".join(f"'{status}'" for status in statuses)
    count = f"SELECT count(*) FROM {TABLE} WHERE status IN ({names})"
    with app.connected() as query:
        while query(count) > more_than:
            assert time.monotonic() < give_up_at, "The round was not over in time."
            time.sleep(LOOK_SECONDS)


def processor_seconds(workers: list[Any]) -> float:
    """Return what processes have used so far."""
    times = [psutil.Process(worker.pid).cpu_times() for worker in workers]
    return sum(each.user + each.system for each in times)


def enqueueing(number: int, threads: int) -> Answer:
    """Return workflows that are enqueued per second."""
    app.migrate()
    outside = app.client()
    outside._sys_db.engine.pool._pool.maxsize = max(5, threads)
    app.enqueue(outside, "in_sequence", 1)

    def enqueue_many() -> None:
        for _ in range(number // threads):
            app.enqueue(outside, "in_sequence", 1)

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
    app.migrate()
    source = SQLAlchemyDatasource.create(app.driver_url())
    with source.engine.begin() as connection:
        for text in (
            "CREATE TABLE IF NOT EXISTS account (id int primary key, balance int)",
            "DELETE FROM account",
            "INSERT INTO account VALUES (1, 0)",
        ):
            connection.execute(sqlalchemy.text(text))
    change = sqlalchemy.text("UPDATE account SET balance = balance + 1 WHERE id = 1")

    level = "SERIALIZABLE" if app.IS_SQLITE else "READ COMMITTED"

    @source.transaction(isolation_level=level)
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
    return number / (perf_counter() - started_at), f"datasource, {level}"


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
    app.migrate()
    outside = app.client()
    for _ in range(number):
        app.enqueue(outside, "half_done")
    settings = {**SETTINGS[1], "concurrency": None, "threads": None}
    with app.workers(1, hangs=True, **settings) as workers:
        app.begin(workers)
        outputs = TABLE.replace("workflow_status", "operation_outputs")
        while app.query(f"SELECT count(*) FROM {outputs}") < 5 * number:
            time.sleep(0.1)
    killed = app.query(f"SELECT count(*) FROM {TABLE} WHERE status = 'PENDING'")
    assert killed == number, killed
    with app.workers(1, **settings):
        began_at = perf_counter()
        await_none("ENQUEUED", "PENDING")
        seconds = perf_counter() - began_at
    outside.destroy()
    return seconds * thousand / number, "from launch on"


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


def _named(name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(dbos_talk, name, None) or globals()[name]
    return found


if __name__ == "__main__":
    found, said = _named(sys.argv[1])(*json.loads(sys.argv[2]))
    print(json.dumps({"figure": found, "settings": said}), flush=True)
    os._exit(0)  # Its threads are of no more use.
