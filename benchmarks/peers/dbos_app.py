"""The workflows that DBOS is measured with, and its processes."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import sqlalchemy
from dbos import DBOS, DBOSClient, DBOSConfig

URL = os.environ["DBOS_URL"]
IS_SQLITE = URL.startswith("sqlite")
QUEUE = "measured"
PAUSE_SECONDS = 0.012
POLLING_SECONDS = 0.005


@DBOS.step()
def nothing() -> None:
    """Do nothing, durably."""


@DBOS.step()
async def anothing() -> None:
    """Do nothing, durably."""


@DBOS.workflow()
def in_sequence(steps: int) -> None:
    """Take steps one after the other."""
    for _ in range(steps):
        nothing()


@DBOS.workflow()
async def ain_sequence(steps: int) -> None:
    """Take async steps one after the other."""
    for _ in range(steps):
        await anothing()


@DBOS.step()
async def hangs_the_first_time() -> None:
    """Not return in a process that is to be killed."""
    if os.environ.get("BENCHMARK_HANGS"):
        await asyncio.sleep(3600)


@DBOS.workflow()
async def half_done() -> None:
    """Take ten steps, of which a doomed process completes five."""
    for _ in range(5):
        await anothing()
    await hangs_the_first_time()
    for _ in range(4):
        await anothing()


@DBOS.workflow()
def receives(times: int) -> list[float]:
    """Return when each message had arrived."""
    moments = []
    for _ in range(times):
        DBOS.recv()
        moments.append(perf_counter())
    return moments


@DBOS.workflow()
def plays(other: str, times: int, serves: bool) -> list[float]:
    """Play ping-pong; return when each ball had arrived."""
    moments = []
    for number in range(times):
        if serves:
            DBOS.send(other, number)
        DBOS.recv()
        moments.append(perf_counter())
        if not serves:
            DBOS.send(other, number)
    return moments


@DBOS.workflow()
def sets_events(times: int) -> None:
    """Tell the time under one key after the other."""
    for number in range(times):
        time.sleep(PAUSE_SECONDS)
        DBOS.set_event(str(number), perf_counter())


@DBOS.workflow()
def writes_slowly(times: int) -> None:
    """Tell the time in a stream."""
    for _ in range(times):
        time.sleep(PAUSE_SECONDS)
        DBOS.write_stream("moments", perf_counter())
    DBOS.close_stream("moments")


@DBOS.workflow()
def writes(values: int) -> None:
    """Write a stream from the body."""
    for number in range(values):
        DBOS.write_stream("values", number)


@DBOS.step()
def write_inside(values: int) -> None:
    """Write a stream from a step."""
    for number in range(values):
        DBOS.write_stream("values", number)


@DBOS.workflow()
def writes_inside(values: int) -> None:
    """Have a step write a stream."""
    write_inside(values)


@DBOS.workflow()
def waits() -> None:
    """Wait for a message."""
    DBOS.recv(timeout_seconds=3600)


def sqlite_like_ours(raw: Any, _: object) -> None:
    """Give SQLite the journal and the durability that the other side has."""
    raw.execute("PRAGMA journal_mode=WAL")
    synchronous = os.environ.get("BENCHMARK_SYNCHRONOUS", "NORMAL")
    raw.execute(f"PRAGMA synchronous={synchronous}")


def launch(*, pool: int | None = None, threads: int | None = None) -> None:
    """Begin to be a worker, listening as closely as DBOS can."""
    if IS_SQLITE:
        sqlalchemy.event.listen(sqlalchemy.pool.Pool, "connect", sqlite_like_ours)
    config: DBOSConfig = {
        "name": "measured",
        "system_database_url": URL,
        "log_level": "ERROR",
        "application_version": "1",
        "executor_id": "local",
        "notification_listener_polling_interval_sec": POLLING_SECONDS,
        "notification_coalesce_sec": 0.001,
    }
    if pool is not None:
        config["sys_db_pool_size"] = pool
    if threads is not None:
        config["max_executor_threads"] = threads
    DBOS(config=config)
    DBOS.launch()


def client() -> DBOSClient:
    """Return somebody outside, who is told of news where that is possible."""
    outside = DBOSClient(system_database_url=URL, use_listen_notify=not IS_SQLITE)
    # There is no public way to have it look more often than once a second.
    outside._sys_db._notification_listener_polling_interval_sec = POLLING_SECONDS
    return outside


def driver_url() -> str:
    """Return the URL with the driver that DBOS uses."""
    return URL.replace("postgresql://", "postgresql+psycopg://")


def migrate() -> None:
    """Have the tables made."""
    DBOS.migrate(URL)


def enqueue(outside: Any, name: str, *args: Any) -> Any:
    """Start a workflow from outside."""
    options = {"queue_name": QUEUE, "workflow_name": name, "app_version": "1"}
    return outside.enqueue(options, *args)


@contextmanager
def connected() -> Iterator[Callable[[str], Any]]:
    """Ask its database for single values."""
    engine = sqlalchemy.create_engine(driver_url())
    try:
        with engine.connect() as connection:
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            yield lambda text: connection.execute(sqlalchemy.text(text)).scalar()
    finally:
        engine.dispose()


def query(text: str) -> Any:
    """Return one value of its database."""
    with connected() as ask:
        return ask(text)


@contextmanager
def workers(count: int, hangs: bool = False, **settings: Any) -> Iterator[list[Any]]:
    """Run processes that wait for begin() before they take from the queue."""
    command = [sys.executable, "-m", "benchmarks.peers.dbos_app", json.dumps(settings)]
    environment = {**os.environ, **({"BENCHMARK_HANGS": "1"} if hangs else {})}
    processes = [
        subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(count)
    ]
    try:
        for process in processes:
            assert process.stdout.readline(), "a worker did not start"
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def begin(processes: list[Any]) -> None:
    """Let them take from the queue."""
    for process in processes:
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.readline()


def work(
    *, pool: int | None, threads: int | None, concurrency: int | None, polling: float
) -> None:
    """Be such a process."""
    launch(pool=pool, threads=threads)
    print("launched", flush=True)
    sys.stdin.readline()
    DBOS.register_queue(
        QUEUE, worker_concurrency=concurrency, polling_interval_sec=polling
    )
    print("listening", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    from benchmarks.peers import dbos_app

    dbos_app.work(**json.loads(sys.argv[1]))
