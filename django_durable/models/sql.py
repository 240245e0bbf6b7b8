"""The few places where rows are reached by SQL text instead of the ORM.

Identifiers come from the models' ``_meta``; values are always bound.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from django_durable import conf
from django_durable.models import prepared

Row = tuple[Any, ...]


def is_postgresql(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether statements with arrays and row locks are understood."""
    return connection.vendor == "postgresql"


def size_of(connection: BaseDatabaseWrapper, column: str) -> str:
    """Return an expression for how many bytes a text has in UTF-8."""
    if is_postgresql(connection):
        return f"octet_length({column})"  # Known without reading a large value.
    return f"length(CAST({column} AS BLOB))"


def fetch(
    connection: BaseDatabaseWrapper,
    sql: str,
    params: Sequence[Any] | Mapping[str, Any] | None = (),
) -> list[Row]:
    """Execute one statement and return all its rows."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def fetch_hot(
    connection: BaseDatabaseWrapper,
    sql: str,
    params: Sequence[Any] | Mapping[str, Any] = (),
) -> list[Row]:
    """See fetch(); for statements that are executed again and again.

    On PostgreSQL they are prepared on the server, which saves a third of their
    time, where that is safe.
    """
    with _hot_cursor(connection) as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def execute_hot(
    connection: BaseDatabaseWrapper, sql: str, params: Sequence[Any] = ()
) -> int:
    """Execute a statement that returns nothing; return how many rows it met.

    See fetch_hot().
    """
    with _hot_cursor(connection) as cursor:
        cursor.execute(sql, params)
        return int(cursor.rowcount)


def _hot_cursor(connection: BaseDatabaseWrapper) -> AbstractContextManager[Any]:
    if not is_postgresql(connection) or not prepared.is_possible(connection):
        return connection.cursor()
    return prepared.cursor(connection)


def table(model: type[models.Model]) -> str:
    """Return the name of a model's table, quoted for both databases."""
    return f'"{model._meta.db_table}"'


def stamp(connection: BaseDatabaseWrapper, moment: datetime | None) -> Any:
    """Turn an aware datetime into what the database driver stores."""
    return connection.ops.adapt_datetimefield_value(moment)


def moment(value: Any) -> datetime | None:
    """Turn what a raw statement returned for a datetime into an aware one."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value  # type: ignore[no-any-return]


def uuid_value(connection: BaseDatabaseWrapper, value: UUID | None) -> Any:
    """Turn a UUID into what the database driver stores."""
    if value is None or connection.features.has_native_uuid_field:
        return value
    return value.hex


def array(values: Iterable[Any]) -> str:
    """Write values as PostgreSQL reads an array: the driver takes five times as long.

    To be cast where it stands: ``%s::text[]``.
    """
    return "{" + ",".join([_element(value) for value in values]) + "}"


def arrays(rows: Iterable[Sequence[Any]]) -> list[str]:
    """Turn rows into an array for each column."""
    return [array(column) for column in zip(*rows, strict=True)]


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    text = str(value)
    if '"' in text or "\\" in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def limit_idle_time(connection: BaseDatabaseWrapper) -> None:
    """Let the server end this transaction when its process stands still.

    A frozen process must not hold row locks beyond its lease.
    """
    if is_postgresql(connection) and len(connection.atomic_blocks) == 1:
        with connection.cursor() as cursor:
            cursor.execute(_idle_limit())


def _idle_limit() -> str:
    timeout = max(1, int(conf.current().lease * 1000))
    return f"SET LOCAL idle_in_transaction_session_timeout = {timeout}"


# The number that psycopg gives to the level.
_READ_COMMITTED = 2


def has_fixed_snapshot(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether a transaction never sees what others commit while it runs."""
    options = connection.settings_dict.get("OPTIONS", {})
    level = options.get("isolation_level", _READ_COMMITTED)
    return is_postgresql(connection) and level > _READ_COMMITTED


def read_committed(connection: BaseDatabaseWrapper) -> None:
    """Let each statement of a transaction that just began see what is committed.

    Whatever isolation level the project has chosen for its own.
    """
    if is_postgresql(connection) and len(connection.atomic_blocks) == 1:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")


def limit_lock_wait(connection: BaseDatabaseWrapper) -> None:
    """Let the rest of this transaction give up on row locks after 500 ms.

    Below the deadlock time-out, so that a lock order that the user's own
    statements got wrong costs a retry, not a victim. And let it hold none when
    the process stands still. Only where the transaction is ours from the start:
    SET LOCAL lasts until its end.
    """
    if is_postgresql(connection) and len(connection.atomic_blocks) == 1:
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '500ms'; {_idle_limit()}")


def hurry(connection: BaseDatabaseWrapper, seconds: float) -> None:
    """Let this connection give up on locks after ``seconds``, from now on."""
    timeout = max(1, int(seconds * 1000))
    setting = "lock_timeout" if is_postgresql(connection) else "busy_timeout"
    verb = "SET" if is_postgresql(connection) else "PRAGMA"
    with connection.cursor() as cursor:
        cursor.execute(f"{verb} {setting} = {timeout}")


# What psycopg says of the transaction of a broken connection.
_UNKNOWN = 4


def close_left_open(connection: BaseDatabaseWrapper) -> bool:
    """Roll back a transaction that nobody will end; return whether there was one.

    What is written into it later would seem stored, and never be committed.
    """
    raw = connection.connection
    if raw is None or connection.in_atomic_block:
        return False
    if is_postgresql(connection):
        status = raw.info.transaction_status
        if status == _UNKNOWN and connection.autocommit:
            connection.close()  # Broken: whatever was open, the server has ended.
            return False
        is_open = bool(status)
    else:
        is_open = raw.in_transaction
    if not is_open and connection.autocommit:
        return False
    connection.close()
    return True


# "durable" as a number: the name of the sweep's lock.
_SWEEP_LOCK = 0x64757261


def try_exclusive(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether no other process sweeps; holds until the transaction ends."""
    if not is_postgresql(connection):
        return True  # One writer at a time as it is.
    taken = fetch(connection, "SELECT pg_try_advisory_xact_lock(%s)", [_SWEEP_LOCK])
    return bool(taken[0][0])


def database_now(connection: BaseDatabaseWrapper) -> datetime:
    """Return the time by the database's own clock."""
    if not is_postgresql(connection):
        # SQLite runs in this process: one clock.
        return datetime.now(UTC)  # noqa: TID251
    return fetch(connection, "SELECT clock_timestamp()")[0][0]  # type: ignore[no-any-return]


def insert_new(
    connection: BaseDatabaseWrapper,
    instances: Iterable[models.Model],
    returning: str = "",
    given: Sequence[Any] = (),
) -> set[Any]:
    """Insert instances of one model; return the primary keys that were new.

    A row whose key exists is left as it is, whatever happens in other transactions:
    ``ON CONFLICT DO NOTHING``. One statement, unless the database takes no more
    values in one. What it is ``returning`` besides, with the values ``given`` for
    that, is done and dropped.
    """
    instances = list(instances)
    fields = instances[0]._meta.concrete_fields
    size = connection.ops.bulk_batch_size(fields, instances)
    new: set[Any] = set()
    for start in range(0, len(instances), size):
        some = instances[start : start + size]
        new |= _insert_batch(connection, some, returning, given)
    return new


def _insert_batch(
    connection: BaseDatabaseWrapper,
    instances: Sequence[models.Model],
    returning: str,
    given: Sequence[Any],
) -> set[Any]:
    meta = instances[0]._meta
    params = [
        _stored(field, instance, connection)
        for instance in instances
        for field in meta.concrete_fields
    ]
    sql = _insertion(type(instances[0]), len(instances), returning)
    execute = fetch_hot if len(instances) == 1 else fetch
    new = execute(connection, sql, [*params, *given])
    width = len(meta.pk_fields)
    return {row[0] if width == 1 else row[:width] for row in new}


@lru_cache(maxsize=64)
def _insertion(model: type[models.Model], count: int, returning: str) -> str:
    meta = model._meta
    columns = ", ".join(f'"{field.column}"' for field in meta.concrete_fields)
    row = f"({', '.join(['%s'] * len(meta.concrete_fields))})"
    key = ", ".join(f'"{field.column}"' for field in meta.pk_fields)
    return (
        f'INSERT INTO "{meta.db_table}" ({columns}) VALUES {", ".join([row] * count)}'
        f" ON CONFLICT ({key}) DO NOTHING RETURNING {key}{returning}"
    )


# What every driver takes as it is, unless it is JSON.
_PLAIN = (str, int, float, type(None))


def _stored(
    field: "models.Field[Any, Any]",
    instance: models.Model,
    connection: BaseDatabaseWrapper,
) -> Any:
    value = field.pre_save(instance, add=True)
    if type(value) in _PLAIN and not isinstance(field, models.JSONField):
        return value
    return field.get_db_prep_save(value, connection)
