"""A process that dies at a chosen point, played inside this one.

Points are every statement, COMMIT and SAVEPOINT of the process's connection and
every effect outside of the database. At its death its transaction is rolled back,
as a server does that loses a client, and what is left of the process's code executes
nothing more.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple, TypeVar
from weakref import WeakSet

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from tests import sessions

T = TypeVar("T")
When = Literal["before", "after"]

USING = "default"
# What nobody sees but the session itself.
HARMLESS = ("SELECT", "BEGIN", "SAVEPOINT", "RELEASE")


class Remains(NamedTuple):
    """All that the next process can find: in the database, and outside of it."""

    inside: str
    outside: str


Place = tuple[int, When, Remains]


class Crash(BaseException):
    """The process is dead; no ``except Exception`` may revive it."""


class Crasher:
    """Kills its process at the ``at``-th point from 1, never when that is None."""

    def __init__(self, at: int | None = None, when: When = "before") -> None:
        self.at = at
        self.when = when
        self.is_dead = False
        self.points: list[str] = []
        self._connection: BaseDatabaseWrapper | None = None
        self._cursors: WeakSet[Any] = WeakSet()

    def point(self, label: str, run: Callable[[], T]) -> T:
        """Do something that leaves a trace, or die before or after it."""
        if self.is_dead:  # Not even in a finally: clause.
            raise Crash(label)
        self.points.append(label)
        is_here = len(self.points) == self.at
        if is_here and self.when == "before":
            self._die()
        result = run()
        if is_here and self.when == "after":
            self._die()
        return result

    def attach(self, connection: BaseDatabaseWrapper) -> None:
        """Make every statement and COMMIT of a connection a point."""
        commit, connect = connection._commit, connection.connect
        self._connection = connection

        def connect_alive() -> None:
            if self.is_dead:
                raise Crash("connect")
            connect()

        connection.__dict__["_commit"] = lambda: self.point("COMMIT", commit)
        connection.__dict__["connect"] = connect_alive
        connection.execute_wrappers.append(self._statement)

    def detach(self) -> None:
        """Leave the connection as it was."""
        connection = self._connection
        assert connection is not None
        del connection.__dict__["_commit"], connection.__dict__["connect"]
        connection.execute_wrappers.remove(self._statement)

    @property
    def last(self) -> str:
        """What happened at the point of death."""
        number = len(self.points)
        return f"{self.when} point {number}, {self.points[-1] if number else '-'}"

    def _statement(
        self, execute: Any, sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        label = " ".join(sql.split()[:3])
        self._cursors.add(context["cursor"].cursor)
        return self.point(label, lambda: execute(sql, params, many, context))

    def _die(self) -> None:
        self.is_dead = True
        assert self._connection is not None
        _roll_back(self._connection, self._cursors)
        raise Crash(self.last)


class Scout(Crasher):
    """Lives, and notes at each point what its death there would leave behind."""

    def __init__(self, inside: Callable[[], str], outside: Callable[[], str]) -> None:
        super().__init__()
        self._look_inside, self._look_outside = inside, outside
        self._places: list[Place] = []
        self._inside = ""
        self._outside: str | None = None

    def point(self, label: str, run: Callable[[], T]) -> T:
        """See what trace the last point has left, and do something that leaves one."""
        self._see()
        remains = Remains(self._inside, self._look_outside())
        self._places.append((len(self.points) + 1, "before", remains))
        self._outside = None  # Unless it takes place.
        result = super().point(label, run)
        self._outside = self._look_outside()
        return result

    def detach(self) -> None:
        """See what the last point of all has left."""
        super().detach()
        self._see()

    def _see(self) -> None:
        # Not earlier: on SQLite, what returns rows takes effect when they are read.
        if not self.points or not self.points[-1].startswith(HARMLESS):
            self._inside = self._look_inside()
        if self._outside is not None:
            remains = Remains(self._inside, self._outside)
            self._places.append((len(self.points), "after", remains))

    def last_places(self) -> list[Place]:
        """Return the last place to die for each thing to leave behind, with that.

        The dead process's memory is gone: a death at an earlier place that leaves
        the same is the same death.
        """
        groups = itertools.groupby(self._places, key=_remains)
        return [list(same)[-1] for _, same in groups]


def _remains(place: Place) -> Remains:
    return place[2]


class Machine:
    """Runs one process after the other, on one session of the database.

    A survivor leaves its connection to the next process, a dead one the session.
    ``observer`` is the test's own connection: it sees what is committed.
    """

    def __init__(self) -> None:
        self.observer: BaseDatabaseWrapper = connections[USING]
        self.crasher: Crasher | None = None
        self._spare: BaseDatabaseWrapper | None = None
        self._session: Any = None

    @contextmanager
    def process(self, crasher: Crasher) -> Iterator[None]:
        """Run a block as a process; its death ends the block, nothing more."""
        connection = self._spare or new_connection(self.observer, self._session)
        self._spare = None
        crasher.attach(connection)
        self.crasher, connections[USING] = crasher, connection
        try:
            yield
        except BaseException:
            # Django may have hidden the Crash behind an error of its own.
            if not crasher.is_dead:
                raise
        finally:
            connections[USING], self.crasher = self.observer, None
            crasher.detach()
            if connection.in_atomic_block:
                _roll_back(connection, ())
            self._session = connection.connection or self._session
            is_free = not (crasher.is_dead or connection.in_atomic_block)
            self._spare = connection if is_free else None

    def effect(self, label: str, happen: Callable[[], T]) -> T:
        """Do something outside of the database."""
        if self.crasher is None:
            return happen()
        return self.crasher.point(f"effect {label}", happen)

    def close(self) -> None:
        """Give the session back."""
        if self._session is not None:
            self._session.close()


def new_connection(
    like: BaseDatabaseWrapper, session: Any = None
) -> BaseDatabaseWrapper:
    """Return a connection, as a process that has just started has one.

    It takes over an open session, if there is one: what Django keeps of it is new.
    """
    settings: dict[str, Any] = dict(like.settings_dict)
    if like.vendor == "postgresql":
        # Processes die here, servers do not: no commit has to wait for the disk.
        given = settings["OPTIONS"]
        settings["OPTIONS"] = {**given, "options": "-c synchronous_commit=off"}
    made = type(like)(settings, like.alias)
    sessions.never_leave(made)
    if session is not None and not getattr(session, "closed", False):
        made.__dict__["get_new_connection"] = lambda params: session
    return made


def _roll_back(connection: BaseDatabaseWrapper, cursors: Iterable[Any]) -> None:
    """End a transaction as the database does for a process that is gone."""
    raw: Any = connection.connection
    if raw is None:
        return
    for cursor in list(cursors):  # On SQLite an open one would keep the lock.
        cursor.close()
    try:
        raw.rollback()
        if connection.vendor == "postgresql":
            raw.execute("RESET ALL")
            raw.rollback()
    except Exception:
        raw.close()
