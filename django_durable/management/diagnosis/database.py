"""The database: it answers, has our tables, and agrees about the time."""

from collections.abc import Iterator

from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader

from django_durable import clock
from django_durable.conf.masking import masked_text
from django_durable.management.diagnosis.finding import Finding
from django_durable.models import sql

APP = "django_durable"
LARGEST_SKEW = 2.0


def look_at_connection(using: str) -> Iterator[Finding]:
    """Tell whether the database answers, and how fast."""
    connection = connections[using]
    try:
        connection.ensure_connection()
        began = clock.monotonic()
        sql.fetch(connection, "SELECT 1")
    except DatabaseError as error:
        said = masked_text(" ".join(str(error).split()))
        yield Finding(
            "problem",
            "database",
            f"The database {using!r} does not answer: {said}",
            "Is it running, and do DATABASES say where?",
        )
        return
    took = (clock.monotonic() - began) * 1000
    name = f"{connection.display_name} {_version(connection)}"
    yield Finding("ok", "database", f"{name} answers in {took:.1f} ms.")


def look_at_migrations(using: str) -> Iterator[Finding]:
    """Compare the migrations of this code with those of the database."""
    loader = MigrationLoader(connections[using])
    ours = sorted(name for app, name in loader.graph.nodes if app == APP)
    missing = [name for name in ours if (APP, name) not in loader.applied_migrations]
    if missing:
        yield Finding(
            "problem",
            "migrations",
            f"Not applied to {using!r}: {', '.join(missing)}.",
            f"Run python manage.py migrate {APP} --database {using}",
        )
    elif newer := sorted(
        name
        for app, name in loader.applied_migrations
        if app == APP and (app, name) not in loader.disk_migrations
    ):
        yield Finding(
            "warning",
            "migrations",
            f"The database is ahead of this code: {', '.join(newer)}.",
            "Is this an old release? It may not know all that is stored.",
        )
    else:
        yield Finding("ok", "migrations", f"All {len(ours)} are applied.")


def look_at_clock(using: str) -> Iterator[Finding]:
    """Compare this machine's clock with the database's."""
    before = clock.wall_seconds()
    at_database = sql.database_now(connections[using]).timestamp()
    after = clock.wall_seconds()
    # What the question took is no skew.
    skew = max(before - at_database, at_database - after, 0.0)
    if skew > LARGEST_SKEW:
        yield Finding(
            "warning",
            "clock",
            f"This machine's clock and the database's differ by {skew:.1f} seconds.",
            "Timers follow the database. Keep the machine's time by NTP.",
        )
    else:
        yield Finding("ok", "clock", f"Differs from the database's by {skew:.1f} s.")


def _version(connection: BaseDatabaseWrapper) -> str:
    return ".".join(map(str, connection.get_database_version()))
