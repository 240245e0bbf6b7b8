"""Two connections whose statements meet in a chosen order, without sleeping."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import pytest
from django.db import connections

from tests.crash.crasher import USING, Crasher

T = TypeVar("T")

SECONDS = 20


def needs_row_locks() -> None:
    """Skip the test where one writer at a time locks everything."""
    if not connections[USING].features.has_select_for_update_skip_locked:
        pytest.skip("There are no row locks here: one writer at a time.")


class Elsewhere(Generic[T]):
    """Something done in a thread, on a connection of its own."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._error: BaseException | None = None
        self._statement = threading.Event()
        self._backend: int | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def result(self) -> T:
        """Wait for the end; return or raise what came of it."""
        self._thread.join(SECONDS)
        assert not self._thread.is_alive(), "It does not come to an end."
        if self._error is not None:
            raise self._error
        return self._result

    def let_run(self) -> None:
        """Return when it is done, or waits for what this thread holds."""
        give_up_at = time.monotonic() + SECONDS
        while self._thread.is_alive():
            assert time.monotonic() < give_up_at, "It neither ends nor waits."
            if self._is_blocked():
                return
            self._thread.join(0.001)

    def _run(self) -> None:
        connection = connections[USING]
        try:
            connection.ensure_connection()
            if connection.vendor == "postgresql":
                self._backend = connection.connection.info.backend_pid
            with connection.execute_wrapper(self._note):
                self._result = self._work()
        except BaseException as error:
            self._error = error
        finally:
            connections.close_all()

    def _note(self, execute: Any, sql: str, *rest: Any) -> Any:
        if not sql.startswith("SELECT"):
            self._statement.set()
        return execute(sql, *rest)

    def _is_blocked(self) -> bool:
        connection = connections[USING]
        if connection.vendor != "postgresql":  # One writer at a time.
            return connection.connection.in_transaction and self._statement.is_set()
        if self._backend is None:
            return False
        # Not on this thread's connection: that one is in the middle of its work.
        with observing() as cursor:
            cursor.execute(
                "SELECT 1 FROM pg_stat_activity"
                " WHERE pid = %s AND wait_event_type = 'Lock'",
                [self._backend],
            )
            return cursor.fetchone() is not None


@contextmanager
def observing() -> Iterator[Any]:
    """Give a cursor of a connection that takes part in nothing."""
    like: Any = connections[USING]
    own = type(like)(like.settings_dict, like.alias)
    try:
        with own.cursor() as cursor:
            yield cursor
    finally:
        own.close()


def elsewhere(work: Callable[[], T]) -> T:
    """Do something completely, on another connection."""
    return Elsewhere(work).result()


class Preemption(Crasher):
    """Lets another connection act before the ``at``-th point of this thread's own."""

    def __init__(self, at: int, act: Callable[[], Any]) -> None:
        super().__init__()
        self._preempt_at = at
        self._act = act
        self.other: Elsewhere[Any] | None = None

    def point(self, label: str, run: Callable[[], T]) -> T:
        """Do something; before the chosen point the other side goes first."""
        self.points.append(label)
        if len(self.points) == self._preempt_at:
            self.other = Elsewhere(self._act)
            self.other.let_run()
        return run()


class Meeting:
    """What one side and the other came to, and at which point they met."""

    def __init__(self, here: Any, there: Any, point: str) -> None:
        self.here = here
        self.there = there
        self.point = point


def meetings(
    prepare: Callable[[], object], here: Callable[[], Any], there: Callable[[], Any]
) -> Iterator[Meeting]:
    """Let ``there`` happen before each statement and COMMIT of ``here``, in turn."""
    connection = connections[USING]
    at = 0
    while True:
        at += 1
        prepare()
        preemption = Preemption(at, there)
        preemption.attach(connection)
        try:
            result = here()
        finally:
            preemption.detach()
        if preemption.other is None:
            assert at > 1, "Nothing happened here."
            return
        answer = preemption.other.result()
        yield Meeting(result, answer, f"point {at}, {preemption.points[at - 1]}")
