"""Celery with Redis, as the benchmarks see it."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from benchmarks import elsewhere
from benchmarks.rounds import LeftOut, Peer

# Pools that are tried in short; the best one is measured.
POOLS = (
    ("--pool=prefork", "--concurrency=2"),
    ("--pool=solo",),
    ("--pool=threads", "--concurrency=8"),
)
IN_SHORT = 400
LOOK_SECONDS = 0.005
LONGEST_SECONDS = 60.0


def peer(jobs: int, *, quick: bool) -> Peer:
    """Return Celery doing so many jobs."""

    def settings() -> str:
        pool = " ".join(_pool(quick))
        return f"{version('celery')}, {pool}; Redis without persistence"

    return Peer("Celery", lambda: per_second(jobs, quick), settings)


def per_second(jobs: int, quick: bool) -> float:
    """Return jobs per second of a worker with the best pool (quick: the usual one)."""
    for module in ("celery", "redis"):
        if find_spec(module) is None:
            raise LeftOut(f"{module} is not installed; it comes with the extra bench")
    if shutil.which("redis-server") is None:
        raise LeftOut("there is no redis-server; on Debian: apt-get install it")
    elsewhere.dismiss()
    return _per_second(_pool(quick), jobs)


@cache
def _pool(quick: bool) -> tuple[str, ...]:
    return (
        POOLS[0] if quick else max(POOLS, key=lambda pool: _per_second(pool, IN_SHORT))
    )


def _per_second(pool: tuple[str, ...], jobs: int) -> float:
    with _redis() as path:
        from celery import Celery

        url = f"redis+socket://{path}"
        app = Celery("benchmarks", broker=url)
        app.conf.task_ignore_result = True
        with app.connection_for_write() as connection:
            for _ in range(jobs):
                app.send_task("nothing", connection=connection)
        command = [sys.executable, "-m", "celery", "--broker", url]
        worker = subprocess.Popen(
            [*command, "--app=benchmarks.peers.celery_app", "worker", *pool],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            return jobs / _seconds_until_empty(path, jobs)
        finally:
            worker.terminate()
            worker.wait()


def _seconds_until_empty(path: str, jobs: int) -> float:
    """Measure from the first job that is taken to the last one acknowledged."""
    import redis

    watch: Any = redis.Redis(unix_socket_path=path)
    give_up_at = time.monotonic() + LONGEST_SECONDS
    while watch.llen("celery") == jobs:
        _wait(give_up_at)
    started_at = time.perf_counter()
    while watch.llen("celery") or watch.hlen("unacked"):
        _wait(give_up_at)
    return time.perf_counter() - started_at


def _wait(give_up_at: float) -> None:
    if time.monotonic() > give_up_at:
        raise LeftOut(f"was not through after {LONGEST_SECONDS:g} s")
    time.sleep(LOOK_SECONDS)


@contextmanager
def _redis() -> Iterator[str]:
    """Run a server that keeps nothing, and yield its socket."""
    with tempfile.TemporaryDirectory(prefix="durable-") as directory:
        path = f"{directory}/redis.sock"
        options = [
            "--port",
            "0",
            "--unixsocket",
            path,
            "--save",
            "",
            "--dir",
            directory,
        ]
        server = subprocess.Popen(
            ["redis-server", *options, "--appendonly", "no"], stdout=subprocess.DEVNULL
        )
        try:
            _await_socket(path)
            yield path
        finally:
            server.terminate()
            server.wait()


def _await_socket(path: str) -> None:
    import redis

    watch: Any = redis.Redis(unix_socket_path=path)
    give_up_at = time.monotonic() + LONGEST_SECONDS
    while True:
        try:
            watch.ping()
        except redis.ConnectionError:
            _wait(give_up_at)
        else:
            return
