"""Sessions of PostgreSQL that outlive the connections of this process.

A new one takes the server and us five milliseconds of processor time, forgetting all
that was said in one takes a tenth of that: who closes his connection leaves its session
to the next who connects. Only the usual ones are left, not those of other servers or
with other options; processes that tests start have none of this.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

_left: list[Any] = []


@contextmanager
def kept() -> Iterator[None]:
    """Keep sessions for a block, if the database has any."""
    if connections["default"].vendor != "postgresql":
        yield
        return
    wrapper: Any = type(connections["default"])
    usual = connections["default"].get_connection_params()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wrapper, "get_new_connection", _taking(wrapper, usual))
        patch.setattr(wrapper, "_close", _leaving(wrapper))
        yield
    while _left:
        _left.pop().close()


def never_leave(connection: BaseDatabaseWrapper) -> None:
    """Let the sessions of a connection end with it, and be of nobody before."""
    connection.__dict__["leaves_nothing"] = True


def _taking(wrapper: Any, usual: dict[str, Any]) -> Callable[..., Any]:
    connect, library = wrapper.get_new_connection, wrapper.Database

    def get_new_connection(self: Any, params: dict[str, Any]) -> Any:
        is_usual = params == usual and not self.pool
        is_usual &= "isolation_level" not in self.settings_dict["OPTIONS"]
        is_usual &= "leaves_nothing" not in vars(self)
        self.__dict__["leaves_session"] = is_usual
        if not is_usual or (session := _one_left()) is None:
            return connect(self, params)
        self.isolation_level = library.IsolationLevel.READ_COMMITTED
        return session

    return get_new_connection


def _one_left() -> Any:
    """Take a session, if there is one that the server has not ended meanwhile."""
    with suppress(IndexError):  # Other threads take some, too.
        while True:
            session = _left.pop()
            if _is_forgotten(session):
                return session
    return None


def _leaving(wrapper: Any) -> Callable[..., None]:
    close = wrapper._close

    def _close(self: Any) -> None:
        if vars(self).get("leaves_session") and _is_forgotten(self.connection):
            _left.append(self.connection)
        else:
            close(self)

    return _close


def _is_forgotten(session: Any) -> bool:
    """Make a session like new, if it is open and at rest."""
    if session is None or session.closed or session.info.transaction_status:
        return False
    try:
        session.autocommit = True
        session._prepared.clear()  # What the server forgets, psycopg must.
        session.execute("DISCARD ALL")
        for _ in session.notifies(timeout=0):
            pass
    except Exception:
        session.close()
        return False
    return True
