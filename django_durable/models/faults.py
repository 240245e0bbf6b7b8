"""What went wrong with the database, and what helps.

One table, after the errors that PostgreSQL, psycopg and SQLite were seen to
raise. After a lost connection nobody knows whether the COMMIT happened: a
retry has to read back before it writes again.
"""

import logging
import random
import time
from collections.abc import Callable
from enum import Enum
from typing import TypeVar

from django.db import (
    DatabaseError,
    InterfaceError,
    OperationalError,
    connections,
)

from django_durable.models.connection import note_refusal

T = TypeVar("T")

logger = logging.getLogger("django_durable")

MAX_CONFLICTS = 10


class Fault(Enum):
    """What to do about an error of the database."""

    CONNECTION = "connect again, read back, retry"
    CONFLICT = "roll back, retry the whole transaction"
    UNAVAILABLE = "wait for people: a deploy, a fail-over, a full disk"
    REFUSED = "the statement is wrong: give the error to the caller"


_BY_STATE = {
    "40001": Fault.CONFLICT,
    "40P01": Fault.CONFLICT,
    "55P03": Fault.CONFLICT,
    "57P01": Fault.CONNECTION,
    "57P02": Fault.CONNECTION,
    "57P03": Fault.CONNECTION,
    "25P03": Fault.CONNECTION,
    # Prepared statements that a pooler took away.
    "26000": Fault.CONNECTION,
    "42P05": Fault.CONNECTION,
    "25006": Fault.UNAVAILABLE,
    "42P01": Fault.UNAVAILABLE,
    "42703": Fault.UNAVAILABLE,
    "53100": Fault.UNAVAILABLE,
}
_BY_CLASS = {
    "08": Fault.CONNECTION,
    "53": Fault.CONNECTION,
    "58": Fault.CONNECTION,
}
_SQLITE = (
    ("database is locked", Fault.CONFLICT),
    ("database table is locked", Fault.CONFLICT),
    ("disk is full", Fault.UNAVAILABLE),
    ("readonly database", Fault.UNAVAILABLE),
    ("no such table", Fault.UNAVAILABLE),
    ("no such column", Fault.UNAVAILABLE),
    ("unable to open database", Fault.UNAVAILABLE),
    ("disk i/o error", Fault.UNAVAILABLE),
)


def classify(error: BaseException) -> Fault:
    """Return what helps against ``error``."""
    if not isinstance(error, DatabaseError | InterfaceError):
        return Fault.REFUSED
    cause = error.__cause__
    state = getattr(cause, "sqlstate", None)
    if state == "0A000" and "cached plan" in str(error):
        return Fault.CONNECTION  # A migration changed what was prepared.
    if state:
        return _BY_STATE.get(state) or _BY_CLASS.get(state[:2]) or Fault.REFUSED
    if type(cause).__module__.startswith("sqlite3"):
        text = str(error).lower()
        return next((fault for part, fault in _SQLITE if part in text), Fault.REFUSED)
    if isinstance(error, OperationalError | InterfaceError):
        return Fault.CONNECTION
    return Fault.REFUSED


def is_transient(error: BaseException) -> bool:
    """Tell whether the database may well take the same statement later."""
    return classify(error) is not Fault.REFUSED


def is_misfortune(error: BaseException) -> bool:
    """Tell whether ``error`` says nothing about the statement that met it.

    A lost connection, a deadlock, SQLite's one lock; but a lock that was asked
    for with NOWAIT and not given is an answer.
    """
    if getattr(error.__cause__, "sqlstate", None) == "55P03":
        return False
    return classify(error) in (Fault.CONNECTION, Fault.CONFLICT)


def drop_broken(using: str) -> None:
    """Close this thread's connection so that its next use opens another."""
    connection = connections[using]
    if not connection.in_atomic_block:
        connection.close()


def check_connections() -> None:
    """Make this thread's next statements find out about broken connections.

    What Django does between requests: a connection with errors is tested now,
    and each is tested at its next use where CONN_HEALTH_CHECKS says so. None is
    closed for its age.
    """
    for connection in connections.all(initialized_only=True):
        if connection.in_atomic_block:
            continue
        connection.health_check_done = False  # type: ignore[attr-defined]
        if connection.errors_occurred:
            if connection.is_usable():
                connection.errors_occurred = False
            else:
                connection.close()


def pause_seconds(tries: int) -> float:
    """Return how long to wait before try ``tries`` + 1: 10 ms to 2 s, jittered."""
    return min(2.0, 0.01 * 2.0**tries) * random.uniform(0.5, 1.0)


def retry_conflicts(using: str, work: Callable[[], T]) -> T:
    """Run a transaction of our own, again when others were in its way.

    Inside somebody else's transaction it runs once: only its owner can retry.
    """
    if connections[using].in_atomic_block:
        return work()
    for tries in range(MAX_CONFLICTS):
        try:
            return work()
        except DatabaseError as error:
            if classify(error) is not Fault.CONFLICT:
                raise
            time.sleep(pause_seconds(tries))
    return work()


def retry_patiently(
    using: str, work: Callable[[], T], *, give_up: Callable[[], bool]
) -> T:
    """Do a worker's database work again until the database takes it.

    ``work`` must be safe to repeat after a COMMIT whose answer was lost. Errors
    of the statement itself are raised at once, others when ``give_up()``.
    """
    tries = 0
    while True:
        try:
            return work()
        except (DatabaseError, InterfaceError) as error:
            if not is_transient(error) or give_up():
                raise
            note_refusal(error)
            if tries == 3:
                logger.warning("The database does not answer, trying on: %s", error)
            drop_broken(using)
            time.sleep(pause_seconds(tries))
            tries += 1
