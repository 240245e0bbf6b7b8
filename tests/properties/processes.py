"""Worker processes played by threads of which one runs at a time.

Whoever holds the baton runs until it is told to stop, at a point where it holds no
lock of the database: what comes next is decided by nobody but the test.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from django_durable.execution.execution import Execution
from django_durable.models import Worker, Workflow
from django_durable.models.claims import Claimed
from tests.crash.crasher import USING, Crash, Crasher, When, new_connection
from tests.crash.driver import Driver, MovableClock
from tests.crash.ledger import ledger
from tests.properties.book import book

T = TypeVar("T")

SECONDS = 60  # A bound, never a measurement.
MOST = 100  # Workflows at once.
READS = ("SELECT", "SET")
QUIET = 100  # Rounds of an event loop.
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Pool:
    """Open connections of processes that are gone, for those to come."""

    def __init__(self, like: BaseDatabaseWrapper) -> None:
        self._like = like
        self._free: list[Any] = []

    def connect(self) -> BaseDatabaseWrapper:
        """Return a connection of this thread's own."""
        session = self._free.pop() if self._free else None
        wrapper = new_connection(self._like, session)
        wrapper.connect()
        return wrapper

    def take_back(self, wrapper: BaseDatabaseWrapper) -> None:
        """Keep what is left of a connection; its transaction is lost."""
        raw: Any = wrapper.connection
        if raw is not None:
            raw.rollback()
            self._free.append(raw)

    def close(self) -> None:
        """Close them all."""
        while self._free:
            self._free.pop().close()


class _Noted(list[Execution]):
    """The executions of a worker; the book keeps who holds which claim."""

    def append(self, execution: Execution) -> None:
        """Begin an execution."""
        book.hold(execution.workflow_id, execution.claim, execution.host.worker_id)
        super().append(execution)


class Hand(Driver):
    """A worker that claims nothing more once its lease has run out.

    It repairs lost wake-ups only where they may be: after a death.
    """

    has_lease = True

    def __init__(
        self, clock: MovableClock, code: str, is_unhurt: Callable[[], bool]
    ) -> None:
        super().__init__(clock, code)
        self.executions = ledger.executions = _Noted()
        self._is_unhurt = is_unhurt

    def claim(self) -> list[Claimed]:
        """Take all that is ready, in an order that no database decides."""
        if not self.has_lease:
            return []
        rows = Workflow.objects.claim(self.worker_id, self._pairs, limit=MOST)
        return sorted(rows, key=lambda row: row.id)

    def _sweep(self) -> int:
        return 0 if self._is_unhurt() else super()._sweep()


class Process(Crasher):
    """A worker in a thread with a connection of its own, stopped before its start.

    It stops before points only, next to a write: elsewhere is no other moment for
    the rest of the world. It dies as a crasher does; its transaction is rolled back,
    which is all that the server would do.
    """

    def __init__(self, pool: Pool, script: Callable[[Process], object]) -> None:
        super().__init__()
        self.hand: Hand | None = None
        self.is_over = False
        self._pool = pool
        self._script = script
        self._left = 0.0
        self._has_written = self._has_locks = self._counts_work_only = False
        self._error: BaseException | None = None
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        threading.Thread(target=self._run, daemon=True).start()

    def advance(self, points: float = math.inf, *, at_work: bool = False) -> None:
        """Let it pass some points next to writes, or come to its end.

        With ``at_work`` only those count at which it executes a workflow.
        """
        if self.is_over:
            return
        self._left, self._counts_work_only = points, at_work
        self._go.release()
        assert self._stopped.acquire(timeout=SECONDS), f"stuck at {self.points[-1:]}"
        if self._error is not None:
            raise self._error

    def crash(self, when: When, within: int) -> None:
        """Let it die at a point from here."""
        self.at, self.when = len(self.points) + 1 + within, when
        self.advance()

    def kill(self) -> None:
        """End it, whatever it does; nobody wants to know more of it."""
        if not self.is_over:
            with suppress(Exception):
                self.crash("before", within=0)

    @property
    def executions(self) -> list[Execution]:
        """What it executes now."""
        return self.hand.executions if self.hand is not None else []

    def hand_over(self) -> None:
        """Let its executions leave at their next durable call."""
        for execution in self.executions:
            execution.hand_over()
        self._await_quiet()

    def lose_lease(self) -> None:
        """Let its lease run out; called by another connection."""
        if self.hand is not None:
            self.hand.has_lease = False
            own = Worker.objects.filter(pk=self.hand.worker_id)
            own.update(heartbeat_at=LONG_AGO)

    def point(self, label: str, run: Callable[[], T]) -> T:
        """Do something that leaves a trace; stop before it when it is time."""
        is_write = not label.startswith(READS)
        is_place = is_write or self._has_written
        if self._counts_work_only and not self.executions:
            is_place = False
        if is_place and not (self.is_dead or self._holds_locks(label)):
            if self._left <= 0:
                self._pause()
            self._left -= 1
        result = super().point(label, run)
        self._has_written = is_write
        self._has_locks = self._has_locks and label != "COMMIT"
        return result

    def _run(self) -> None:
        self._go.acquire()
        connection = connections[USING] = self._pool.connect()
        book.enter(self)
        self.attach(connection)
        try:
            self._script(self)
        except BaseException as error:
            # Django may have hidden the Crash behind an error of its own.
            if not self.is_dead:
                self._error = error
        finally:
            self.detach()
            self._pool.take_back(connection)
            self.is_over = True
            self._stopped.release()

    def _pause(self) -> None:
        self._await_quiet()
        self._stopped.release()
        self._go.acquire()

    def _await_quiet(self) -> None:
        for execution in self.executions:
            _let_turn(execution.leaving._loop)

    def _holds_locks(self, label: str) -> bool:
        """Tell whether another process might have to wait for this one."""
        connection = self._connection
        assert connection is not None
        if label == "COMMIT":  # Django has left its block already.
            return True
        return connection.in_atomic_block and (
            connection.vendor == "sqlite" or self._has_locks
        )

    def _statement(
        self, execute: Any, sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        result = super()._statement(execute, sql, params, many, context)
        if context["connection"].in_atomic_block and "django_durable_" in sql:
            self._has_locks = True
        return result

    def _die(self) -> None:
        self.is_dead = True
        assert self._connection is not None
        raw: Any = self._connection.connection
        for cursor in list(self._cursors):  # An open one would keep the lock.
            cursor.close()
        raw.rollback()
        raise Crash(self.last)


def _let_turn(loop: asyncio.AbstractEventLoop | None) -> None:
    """Let the tasks of a loop come to where they wait, in its own thread."""
    if loop is None or loop.is_closed():
        return
    is_quiet = threading.Event()

    def turn(rounds: int) -> None:
        if rounds:
            loop.call_soon(turn, rounds - 1)
        else:
            is_quiet.set()

    loop.call_soon_threadsafe(turn, QUIET)
    assert is_quiet.wait(SECONDS)
