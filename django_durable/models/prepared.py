"""Statements that PostgreSQL parses and plans once per connection.

Django binds values on the client and turns prepared statements off, because
poolers in transaction mode lose them. Here they are used where the connection
reaches the server itself, or where ``OPTIONS`` sets ``prepare_threshold``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper


def is_possible(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether statements may be prepared on this connection."""
    if _cursor_class() is None:
        return False
    # As Django does before each cursor of its own.
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    raw: Any = connection.connection
    known = connection.__dict__.get("durable_prepares")
    if known is None or known[0] is not raw:
        with connection.wrap_database_errors:
            known = raw, _is_safe(raw)
        connection.__dict__["durable_prepares"] = known
    return bool(known[1])


@contextmanager
def cursor(connection: BaseDatabaseWrapper) -> Iterator[Any]:
    """Give a cursor with Django's wrappers that binds and prepares on the server."""
    raw: Any = connection.connection
    threshold = raw.prepare_threshold
    with connection.wrap_database_errors:
        bare = _cursor_class()(raw)
    with connection._prepare_cursor(bare) as found:  # type: ignore[attr-defined]
        raw.prepare_threshold = 0
        try:
            yield found
        finally:
            raw.prepare_threshold = threshold


def _is_safe(raw: Any) -> bool:
    """Compare the server's process with the one that the connection was told.

    A pooler in between answers with a number of its own.
    """
    if getattr(raw, "prepare_threshold", None) is not None:
        return True
    if not hasattr(raw, "prepare_threshold"):
        return False  # psycopg 2.
    found = _cursor_class()(raw).execute("SELECT pg_backend_pid()").fetchone()
    return found is not None and found[0] == raw.info.backend_pid


@cache
def _cursor_class() -> Any:
    """Return the cursor of psycopg 3, None without it. SQLite never needs it."""
    try:
        return import_module("psycopg").Cursor
    except ImportError:
        return None
