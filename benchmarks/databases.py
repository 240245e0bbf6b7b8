"""Where it is measured: a server, and a new database on it."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import django
from django.db import connection, transaction

from tests.databases import DATABASES, SERVERS, postgresql

__all__ = ["DATABASES", "empty", "new_database", "server"]


def server(kind: str | None) -> AbstractContextManager[str]:
    """Start a server of this kind for a block; None: the one of DATABASE_URL.

    It keeps its own defaults, so every commit is as durable as in production.
    """
    if kind is None:
        return nullcontext(os.environ["DATABASE_URL"])
    return postgresql(is_durable=True) if kind == "postgresql" else SERVERS[kind]()


@contextmanager
def new_database(url: str) -> Iterator[None]:
    """Set Django up on an empty, migrated database that ends with the block."""
    os.environ["DATABASE_URL"] = url
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    django.setup()
    old_name = str(connection.settings_dict["NAME"])
    name = connection.creation.create_test_db(
        verbosity=0, autoclobber=True, serialize=False
    )
    try:
        yield
    finally:
        empty()
        _stop_listening()
        connection.creation.destroy_test_db(old_name, verbosity=0)
        for suffix in ("-wal", "-shm"):  # SQLite leaves them to its last connection.
            Path(f"{name}{suffix}").unlink(missing_ok=True)


def empty() -> None:
    """Send the workers home and delete what was measured."""
    from benchmarks import elsewhere
    from benchmarks.peers import dbos
    from django_durable.execution.direct import close_lease

    elsewhere.dismiss()
    dbos.forget()
    close_lease()
    tables = connection.introspection.django_table_names()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"TRUNCATE {', '.join(tables)}")
            return
        with transaction.atomic():  # What refers to what is asked at its end.
            for table in tables:
                cursor.execute(f"DELETE FROM {table}")
        cursor.execute("VACUUM")


def _stop_listening() -> None:
    """Give back the connection of the process's hub of hints."""
    from django_durable.wakeup import hub

    hub.close()
