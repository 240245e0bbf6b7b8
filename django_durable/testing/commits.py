"""Commits inside of a test's transaction.

A ``TestCase`` never commits, so what ``transaction.on_commit()`` was given
would never run. Here a transaction counts as committed when the outermost
block that the test itself did not open has ended.
"""

import logging
from collections.abc import Callable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import TransactionManagementError

from django_durable.testing import crashing

logger = logging.getLogger("django_durable")


class PlayedCommits:
    """One connection while workflows run inside of a test's transaction.

    Work that the test itself has left for the commit stays: that is what
    ``captureOnCommitCallbacks()`` is for. With a ``crasher``, its writes and
    commits are points at which the process may die.
    """

    def __init__(
        self, connection: BaseDatabaseWrapper, crasher: crashing.Crasher | None
    ) -> None:
        _refuse_own_block(connection)
        self.connection = connection
        self._crasher = crasher
        self._blocks = list(connection.atomic_blocks)
        self._savepoints = list(connection.savepoint_ids)
        self._hooks = list(connection.run_on_commit)
        self._outermost: str | None = None

    def __enter__(self) -> "PlayedCommits":
        if self._blocks:
            self.connection.__dict__.update(
                on_commit=self._on_commit,
                savepoint=self._savepoint,
                savepoint_commit=self._savepoint_commit,
                savepoint_rollback=self._savepoint_rollback,
            )
            if self._crasher is not None:
                self.connection.execute_wrappers.append(self._statement)
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._blocks:
            for name in ("on_commit", "savepoint", *_SAVEPOINT_ENDS):
                del self.connection.__dict__[name]
            if self._crasher is not None:
                self.connection.execute_wrappers.remove(self._statement)

    def commit(self) -> None:
        """Run what was left for the commit, in its order."""
        connection: Any = self.connection
        first = len(self._hooks)
        due = connection.run_on_commit[first:]
        connection.run_on_commit = connection.run_on_commit[:first]
        for _, hook, is_robust in due:
            _run(hook, is_robust)

    def restore(self) -> None:
        """Give the connection to the next process as the dead one found it."""
        connection: Any = self.connection
        connection.atomic_blocks = list(self._blocks)
        connection.savepoint_ids = list(self._savepoints)
        connection.run_on_commit = list(self._hooks)
        connection.needs_rollback = False
        self._outermost = None

    @property
    def _is_outside(self) -> bool:
        """Tell whether no block but the test's own is open."""
        return len(self.connection.atomic_blocks) == len(self._blocks)

    def _on_commit(self, func: Callable[[], object], robust: bool = False) -> None:
        if self._is_outside and callable(func):
            _run(func, robust)
        else:
            type(self.connection).on_commit(self.connection, func, robust)

    def _savepoint(self) -> str | None:
        self._check()
        sid = type(self.connection).savepoint(self.connection)
        if self._is_outside:
            self._outermost = sid
        return sid

    def _savepoint_commit(self, sid: str) -> None:
        def release() -> None:
            type(self.connection).savepoint_commit(self.connection, sid)
            if self._is_outside:
                self._outermost = None

        self._check()
        if self._crasher is not None and self._is_outside:
            self._crasher.point("COMMIT", release, self._drop)
        else:
            release()
        if self._is_outside:
            self.commit()

    def _savepoint_rollback(self, sid: str) -> None:
        if self._crasher is None or not self._crasher.is_dead:
            type(self.connection).savepoint_rollback(self.connection, sid)

    def _statement(
        self, execute: Any, sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        self._check()
        if self._crasher is None or not crashing.is_write(sql):
            return execute(sql, params, many, context)
        label = crashing.label(sql)
        return self._crasher.point(
            label, lambda: execute(sql, params, many, context), self._drop
        )

    def _check(self) -> None:
        if self._crasher is not None:
            self._crasher.check()

    def _drop(self) -> None:
        """Roll back what a dead process has not committed, as the server does."""
        if self._outermost is not None:
            raw: Any = self.connection.connection
            raw.cursor().execute(f"ROLLBACK TO SAVEPOINT {self._outermost}")


_SAVEPOINT_ENDS = ("savepoint_commit", "savepoint_rollback")


def _run(hook: Callable[[], object], is_robust: bool) -> None:
    try:
        hook()
    except Exception:
        if not is_robust:
            raise
        logger.exception("%r failed after the commit", hook)


def _refuse_own_block(connection: BaseDatabaseWrapper) -> None:
    for block in connection.atomic_blocks:
        if not getattr(block, "_from_testcase", False):
            raise TransactionManagementError(
                "run_until_idle() was called inside atomic(): no worker would see"
                " what that transaction has not committed. Call it after the block."
            )
