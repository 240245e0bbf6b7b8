"""What an experiment breaks in a worker process, from its first moment on.

A fault is a word and its arguments, separated by colons; several by blanks:
``fleet.start(faults="die:checkpoint:before:7")``.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable

from django.db.backends.signals import connection_created

from tests.journeys import ledger

POINTS = {
    "claim": ("SET status = 'PENDING'", 'SET "status" = %s, "worker_id" = %s'),
    "checkpoint": ('INSERT INTO "django_durable_step"',),
    "outcome": ("SET status = v.status",),
    "suspend": ('"django_durable_wait" ("workflow_id"',),
    "heartbeat": ('SET "heartbeat_at"',),
    "business": ('INSERT INTO "tests_entry"',),
    "begin": ("<begin>",),
    "commit": ("<commit>",),
    "call": ("<call>",),
}
"""Named places of a worker, and what is in the statements that it makes there."""
TALK = {
    "send": ('INSERT INTO "django_durable_notification"',),
    "consume": ('UPDATE "django_durable_notification"',),
    "event": ('INSERT INTO "django_durable_event"',),
    "entry": ('INSERT INTO "django_durable_streamentry"',),
    "wake": ('SET "status" = %s, "wake_at" = NULL',),
    "commit": ("<commit>",),
}
"""Those of the experiments in which workflows talk to each other."""


class Point:
    """Acts before or after what happens at a point, for the n-th time."""

    def __init__(
        self, point: str, when: str, number: int, act: Callable[[], None]
    ) -> None:
        self._marks = {**POINTS, **TALK}[point]
        self._when = when
        self._left = number
        self._act = act
        self._lock = threading.Lock()
        connection_created.connect(self._install, weak=False)
        note = ledger.note
        ledger.note = lambda event: self._around(f"<call> {event}", lambda: note(event))

    def _install(self, connection, **_):
        if self._watch in connection.execute_wrappers:
            return  # It has connected anew.
        commit, set_autocommit = connection._commit, connection.set_autocommit
        connection.execute_wrappers.append(self._watch)
        connection._commit = lambda: self._around("<commit>", commit)

        def switch(autocommit, **options):
            name = "" if autocommit else "<begin>"
            self._around(name, lambda: set_autocommit(autocommit, **options))

        connection.set_autocommit = switch

    def _watch(self, execute, sql, params, many, context):
        return self._around(sql, lambda: execute(sql, params, many, context))

    def _around(self, what: str, run: Callable[[], object]) -> object:
        is_here = any(mark in what for mark in self._marks)
        is_now = is_here and self._is_time()
        if is_now and self._when == "before":
            self._act()
        result = run()
        if is_now and self._when == "after":
            self._act()
        return result

    def _is_time(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left == 0


def die(point: str, when: str, number: str) -> None:
    """End the process as SIGKILL does, when it reaches a point."""
    Point(point, when, int(number), lambda: os.kill(os.getpid(), signal.SIGKILL))


def freeze(point: str, when: str, number: str, seconds: str) -> None:
    """Stop the process as SIGSTOP does, when it reaches a point, for some time."""

    def stop() -> None:
        thaw = f"sleep {seconds}; kill -CONT {os.getpid()}"
        subprocess.Popen(["/bin/sh", "-c", thaw])
        # To this thread, so that it does not run on while others stop.
        signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)

    Point(point, when, int(number), stop)


def shift(point: str, number: str, seconds: str) -> None:
    """Let the wall clock of the process jump when it reaches a point."""

    def jump() -> None:
        real = time.time
        ledger.append("jumps", [os.getpid()])
        time.time = lambda: real() + float(seconds)

    Point(point, "after", int(number), jump)


FAULTS: dict[str, Callable[..., None]] = {"die": die, "freeze": freeze, "shift": shift}


def install(text: str) -> None:
    """Bring in the faults that a text names."""
    for word in text.split():
        name, *arguments = word.split(":")
        FAULTS[name](*arguments)
