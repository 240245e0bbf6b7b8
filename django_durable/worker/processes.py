"""Worker processes: started, watched, ended with their parent."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from types import FrameType

from django.utils import autoreload

logger = logging.getLogger("django_durable")

# A child reads this pipe: its end means that the parent has died.
PARENT_FD = "DJANGO_DURABLE_PARENT_FD"
WATCH_SECONDS = 1.0


class Child(subprocess.Popen[bytes]):
    """A worker process; ``lifeline`` keeps it alive as long as this one lives."""

    lifeline: int = -1

    def let_go(self) -> None:
        """Close the pipe of a child that has ended."""
        if self.lifeline >= 0:
            os.close(self.lifeline)
            self.lifeline = -1


def start_child(arguments: Sequence[str]) -> Child:
    """Start ``run_workflows`` with other arguments in a process of its own."""
    reading, writing = os.pipe()
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
        PARENT_FD: str(reading),
    }
    command = [sys.executable, "-m", "django", "run_workflows", *arguments]
    child = Child(command, env=environment, pass_fds=[reading])
    os.close(reading)
    child.lifeline = writing
    return child


def die_with_parent() -> None:
    """In a child: stop, as at SIGTERM, when the parent process has gone."""
    if PARENT_FD not in os.environ:
        return
    reading = int(os.environ.pop(PARENT_FD))

    def watch() -> None:
        with contextlib.suppress(OSError):
            os.read(reading, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="durable-lifeline", daemon=True).start()


class Supervisor:
    """Keeps ``count`` worker processes running, and restarts them on changes."""

    def __init__(
        self, arguments: Sequence[str], *, count: int, is_reloading: bool
    ) -> None:
        self._arguments = arguments
        self._count = count
        self._is_reloading = is_reloading
        self._stopping = threading.Event()

    def run(self) -> int:
        """Run until SIGTERM or SIGINT; return the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        children = [start_child(self._arguments) for _ in range(self._count)]
        seen = _modification_times() if self._is_reloading else {}
        while not self._stopping.wait(WATCH_SECONDS):
            children = [self._replaced(child) for child in children]
            if self._is_reloading and (now := _modification_times()) != seen:
                seen = now
                logger.info("Code has changed: starting again")
                self._end(children)
                children = [start_child(self._arguments) for _ in range(self._count)]
        self._end(children)
        return 0

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stopping.set()

    def _replaced(self, child: Child) -> Child:
        if child.poll() is None:
            return child
        logger.warning("A worker process ended (%s): starting another", child.poll())
        child.let_go()
        return start_child(self._arguments)

    def _end(self, children: Sequence[Child]) -> None:
        for child in children:
            if child.poll() is None:
                child.terminate()
        for child in children:
            child.wait()
            child.let_go()


def _modification_times() -> dict[str, float]:
    times: dict[str, float] = {}
    for path in autoreload.iter_all_python_module_files():
        with contextlib.suppress(OSError):
            times[str(path)] = path.stat().st_mtime
    return times


def wait_for_signal(is_done: Callable[[], bool]) -> None:
    """Block the main thread until SIGTERM, SIGINT, or ``is_done()``."""
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        if stopping.is_set():  # Asked twice: do not wait for anything.
            os._exit(1)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    while not stopping.wait(0.05) and not is_done():
        pass


def leave(has_drained: bool) -> None:
    """End the process; at once when user code still runs in a thread."""
    if not has_drained:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(0)
