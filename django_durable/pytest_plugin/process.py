"""A real worker process on the databases of a test."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections

from django_durable import conf
from django_durable.execution.direct import close_lease
from django_durable.models import Worker
from django_durable.pytest_plugin.settings import (
    DATABASE_NAMES,
    DURABLE_SETTING,
    SETTINGS,
)
from django_durable.wakeup import hub

# What the start and the end of the process may take, on a busy machine too.
PATIENCE_SECONDS = 30.0


class WorkerProcess:
    """``manage.py run_workflows`` in a process of its own."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The number of the running process."""
        if self._process is None:
            raise RuntimeError("The worker does not run: call start().")
        return self._process.pid

    @property
    def log(self) -> str:
        """What it has said so far."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def start(self, *options: str) -> None:
        """Start it, with options of ``run_workflows``; return when it is ready."""
        if self._process is not None:
            raise RuntimeError("The worker runs already.")
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "django", "run_workflows", *options],
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._await_registration()

    def kill(self) -> None:
        """End it as a crash does (SIGKILL)."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Let it hand its work over and leave (SIGTERM); return the exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: int) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        try:
            return process.wait(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def _await_registration(self) -> None:
        assert self._process is not None
        workers = Worker.objects.using(conf.current().database)
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while not workers.live().filter(pid=self._process.pid).exists():
            if self._process.poll() is not None or time.monotonic() > give_up_at:
                self.kill()
                pytest.fail(f"The worker process did not start:\n{self.log}")
            time.sleep(0.02)


@contextmanager
def worker_process(log: Path) -> Iterator[WorkerProcess]:
    """Run a worker for a block; print what it said, for a test that fails."""
    _refuse_memory()
    worker = WorkerProcess(log)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()
        # Both would keep the test database from being removed.
        hub.close()
        close_lease()
        print(f"---- durable_worker\n{worker.log}")  # noqa: T201


def _environment() -> dict[str, str]:
    module = os.environ.get("DJANGO_SETTINGS_MODULE", "")
    if not module:
        pytest.fail("durable_worker needs DJANGO_SETTINGS_MODULE in the environment.")
    names = {
        alias: str(connections[alias].settings_dict["NAME"]) for alias in connections
    }
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": f"{__package__}.settings",
        SETTINGS: os.environ.get(SETTINGS, module),
        DATABASE_NAMES: json.dumps(names),
        DURABLE_SETTING: json.dumps(getattr(settings, "DURABLE", {})),
        "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
        "PYTHONUNBUFFERED": "1",
    }


def _refuse_memory() -> None:
    connection: Any = connections[conf.current().database]
    if connection.vendor == "sqlite" and connection.is_in_memory_db():
        pytest.fail(
            "durable_worker needs a database that another process can open, and this"
            " one is in memory: give DATABASES a TEST NAME, the path of a file."
        )
