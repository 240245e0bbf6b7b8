"""Processes that cost little to start, for experiments that kill many of them."""

import json
import os
import signal
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import forking
from tests.journeys.processes import ROOT, environment, wait_until

LAST_LINES = 300
FOUR_SLOTS = ("--concurrency=4", "--async-concurrency=4")


@dataclass(eq=False)
class ForkedWorker:
    """A worker, or another process: a child of the zygote."""

    pid: int
    log_path: Path
    faults: str
    code: int | None = None
    ended_at: float = 0.0
    has_ended: threading.Event = field(default_factory=threading.Event)

    @property
    def is_running(self) -> bool:
        """Tell whether it has not ended."""
        return not self.has_ended.is_set()

    @property
    def log(self) -> str:
        """What it has said so far."""
        mark = f" {self.pid} "
        lines = self.log_path.read_text(errors="replace").splitlines(keepends=True)
        return "".join(line for line in lines if mark in line)

    def wait_for(self, text: str, *, timeout: float = 12) -> None:
        """Wait until it has said ``text``."""
        wait_until(lambda: text in self.log, f"log says {text!r}", timeout=timeout)

    def signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as a crash does."""
        self.signal(signal.SIGKILL)
        self.ended()

    def ended(self, *, timeout: float = 12) -> int:
        """Wait for its end and return its exit code."""
        assert self.has_ended.wait(timeout), f"{self.pid} has not ended"
        assert self.code is not None
        return self.code


class Fleet:
    """Starts processes through a zygote, which takes them along when it ends."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self.workers: list[ForkedWorker] = []
        self._log = directory / "fleet.log"
        self._forked: list[ForkedWorker] = []
        self._by_pid: dict[int, ForkedWorker] = {}
        self._news = threading.Condition()
        self._zygote = forking.Popen(
            ["-m", "tests.chaos", str(self._log)],
            cwd=ROOT,
            env=environment(
                directory, DJANGO_SETTINGS_MODULE="tests.chaos.settings", **settings
            ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def __enter__(self) -> "Fleet":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def log(self) -> str:
        """What all of them have said so far, tracebacks and all."""
        return self._log.read_text(errors="replace")

    @property
    def running(self) -> list[ForkedWorker]:
        """The workers that have not ended."""
        return [worker for worker in self.workers if worker.is_running]

    def start(
        self, *options: str, faults: str = "", is_ready: bool = False, **durable: Any
    ) -> ForkedWorker:
        """Fork a worker; ``durable`` are settings, ``faults`` as in faults.py."""
        options = options or FOUR_SLOTS
        worker = self._fork(options=options, faults=faults, durable=durable)
        self.workers.append(worker)
        if is_ready:
            worker.wait_for("started:")
        return worker

    def call(self, path: str, *arguments: object, faults: str = "") -> ForkedWorker:
        """Fork a process that calls a function, and ends."""
        return self._fork(options=arguments, faults=faults, durable={}, calls=path)

    def _fork(self, *, faults: str, **request: Any) -> ForkedWorker:
        request["faults"] = faults
        with self._news:
            number = len(self._forked)
            self._zygote.stdin.write(json.dumps(request).encode() + b"\n")
            self._zygote.stdin.flush()
            is_there = self._news.wait_for(lambda: len(self._forked) > number, 40)
        assert is_there, "the zygote does not fork"
        worker = self._forked[number]
        worker.faults = faults
        return worker

    def close(self) -> None:
        """End all, and what they have started; wait for it."""
        self._zygote.stdin.close()
        try:
            self._zygote.wait(timeout=15)
        finally:
            self._zygote.kill()
            self._zygote.wait()
            self._listener.join(5)
            self._zygote.stdout.close()
            self._print_last_words()

    def _listen(self) -> None:
        for line in self._zygote.stdout:
            what, pid, *facts = json.loads(line)
            with self._news:
                if what == "forked":
                    worker = ForkedWorker(pid, self._log, "")
                    self._forked.append(worker)
                    self._by_pid[pid] = worker
                elif pid in self._by_pid:
                    worker = self._by_pid.pop(pid)
                    worker.code, worker.ended_at = facts
                    worker.has_ended.set()
                self._news.notify_all()

    def _print_last_words(self) -> None:
        """Print the end of the log; pytest shows it on failure."""
        if self._log.exists():
            print("\n".join(self.log.splitlines()[-LAST_LINES:]))
