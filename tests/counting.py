"""Counting what operations cost: statements and commits, and which of them write."""

import math
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from django_durable.models import hints

COMMIT = "COMMIT"
# Of a statement that wakes who waits, or tells other processes, after a commit (I6).
NEWS = ("WHERE target", "SELECT pg_notify")

# A savepoint, or a cursor to read by, changes no row.
READING = ("SELECT", "WITH", "DECLARE", "FETCH", "CLOSE", "SET TRANSACTION")
READING += ("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT")
WRITING = re.compile(r"\b(INSERT INTO|UPDATE \"|DELETE FROM)")

# A statement, or COMMIT, and whether it is part of a transaction.
Entry = tuple[str, bool]


class Cost(NamedTuple):
    """Statements of an operation, statements that tell of it, and commits."""

    own: float
    news: float
    commits: float

    @classmethod
    def of(cls, executed: Iterable[Entry]) -> "Cost":
        """Count; a statement by itself that writes is a transaction that writes."""
        executed = list(executed)
        texts = [text for text, _ in executed if text != COMMIT]
        news = sum(is_news(text) for text in texts)
        commits = sum(
            text == COMMIT or not (is_inside or text.startswith(("SELECT", "BEGIN")))
            for text, is_inside in executed
        )
        return cls(len(texts) - news, news, commits)


@contextmanager
def counting_calls() -> Iterator[list[str]]:
    """Note the Python functions that are called, by this thread, in a block.

    What a calculation costs, on whatever machine.
    """
    called: list[str] = []

    def note(frame: Any, event: str, _argument: object) -> None:
        if event == "call":
            called.append(frame.f_code.co_name)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield called
    finally:
        sys.setprofile(before)


def is_news(text: str) -> bool:
    """Tell whether a statement only tells of what is committed already."""
    return any(part in text for part in NEWS)


def always_ride(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let hints ride on commits however long those take on a busy machine."""
    monkeypatch.setattr(hints, "riding", hints.Traffic().riding)
    monkeypatch.setattr(hints, "CROWDED_SECONDS", math.inf)


def note_all(
    monkeypatch: pytest.MonkeyPatch, is_wanted: Callable[[], bool]
) -> list[Entry]:
    """Return a list that fills with what wanted threads execute from now on."""
    always_ride(monkeypatch)
    noted: list[Entry] = []

    def note(text: str, is_inside: bool) -> None:
        if is_wanted():
            noted.append((text.strip(), is_inside))

    def noting(real: Any) -> Any:
        def execute(self: Any, sql: Any, params: Any = None) -> Any:
            note(str(sql), self.db.in_atomic_block)
            return real(self, sql, params)

        return execute

    def commit(self: Any, real: Any = BaseDatabaseWrapper._commit) -> Any:  # type: ignore[attr-defined]
        note(COMMIT, False)
        return real(self)

    for name in ("execute", "executemany"):
        monkeypatch.setattr(CursorWrapper, name, noting(getattr(CursorWrapper, name)))
    monkeypatch.setattr(BaseDatabaseWrapper, "_commit", commit)
    return noted


@contextmanager
def noted_writes() -> Iterator[list[str]]:
    """Give a list that fills with what this connection executes beside reading."""
    written: list[str] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        text = sql.lstrip("( \n")
        if not text.startswith(READING) or WRITING.search(text):
            written.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        yield written
