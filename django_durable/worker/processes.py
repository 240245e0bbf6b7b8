"""Worker processes: started, watched, ended with their parent."""

import contextlib
import logging
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType

from django.utils import autoreload

from django_durable import clock

logger = logging.getLogger("django_durable")

# A child reads this pipe: its end means that the parent has died.
PARENT_FD = "DJANGO_DURABLE_PARENT_FD"
WATCH_SECONDS = 1.0
# How soon the main thread notices that it has nothing to wait for any more.
LOOK_SECONDS = 0.05


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
    # A session of its own: Ctrl-C in a terminal is for the parent, which then
    # sends SIGTERM. Both together would look like a demand to leave at once.
    child = Child(command, env=environment, pass_fds=[reading], start_new_session=True)
    os.close(reading)
    child.lifeline = writing
    return child


def die_with_parent(is_stopping: Callable[[], bool]) -> None:
    """In a child: stop, as at SIGTERM, when the parent process has gone.

    Unless it stops already: a second signal would mean "at once".
    """
    if PARENT_FD not in os.environ:
        return
    reading = int(os.environ.pop(PARENT_FD))

    def watch() -> None:
        with contextlib.suppress(OSError):
            os.read(reading, 1)
        if not is_stopping():
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
        self._children: list[Child] = []

    def run(self) -> None:
        """Run until SIGTERM or SIGINT; a second one ends all at once."""
        signals = StopSignals(on_first=lambda: None, on_repeat=self._kill)
        self._start()
        seen = _modification_times() if self._is_reloading else {}
        while not signals.is_stopping:
            signals.wait(lambda: False, seconds=WATCH_SECONDS)
            if signals.is_stopping:
                break
            self._children = [self._replaced(child) for child in self._children]
            if self._is_reloading and (now := _modification_times()) != seen:
                seen = now
                logger.info("Code has changed: starting again")
                self._end()
                self._start()
        self._end()

    def _start(self) -> None:
        self._children = [start_child(self._arguments) for _ in range(self._count)]

    def _replaced(self, child: Child) -> Child:
        if child.poll() is None:
            return child
        logger.warning("A worker process ended (%s): starting another", child.poll())
        child.let_go()
        return start_child(self._arguments)

    def _end(self) -> None:
        for child in self._children:
            child.terminate()
        for child in self._children:
            child.wait()
            child.let_go()

    def _kill(self) -> None:
        for child in self._children:
            child.kill()


def _modification_times() -> dict[str, float]:
    times: dict[str, float] = {}
    for path in autoreload.iter_all_python_module_files():
        with contextlib.suppress(OSError):
            times[str(path)] = path.stat().st_mtime
    return times


class StopSignals:
    """Answers SIGTERM and SIGINT from the moment it is made.

    ``on_first`` and ``on_repeat`` are called in the main thread, in the middle
    of whatever it does. Hence no Event: one that the main thread waits on must
    not be set by a handler, which may find its lock taken.
    """

    def __init__(
        self, *, on_first: Callable[[], object], on_repeat: Callable[[], object]
    ) -> None:
        self.is_stopping = False
        self._on_first = on_first
        self._on_repeat = on_repeat
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def wait(self, is_done: Callable[[], bool], *, seconds: float = math.inf) -> None:
        """Block until a signal has come, ``is_done()``, or time is up."""
        give_up_at = clock.monotonic() + seconds
        while not (self.is_stopping or is_done() or clock.monotonic() >= give_up_at):
            time.sleep(LOOK_SECONDS)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        is_repeated, self.is_stopping = self.is_stopping, True
        (self._on_repeat if is_repeated else self._on_first)()


def leave(has_drained: bool) -> None:
    """End the process; at once when user code still runs in a thread."""
    if not has_drained:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(0)
