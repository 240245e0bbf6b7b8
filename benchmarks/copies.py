"""Many rows at once: copies of one, made within the database."""

from django.db import connection, models, transaction


def multiply(
    model: type[models.Model], number: int, prefix: str, key: str, **changes: str
) -> None:
    """Insert copies of a row: their key is the prefix and a number.

    ``changes`` are what other columns hold then.
    """
    if number <= 0:
        return
    columns = [field.column for field in model._meta.local_concrete_fields]
    columns = [column for column in columns if column]
    values = {key: "%s || copies.number", **dict.fromkeys(changes, "%s")}
    wanted = [values.get(column, f"one.{_quoted(column)}") for column in columns]
    given = {key: prefix, **changes}
    table = model._meta.db_table
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE copies(number) AS (SELECT 1 UNION ALL"
            f" SELECT number + 1 FROM copies WHERE number < {number})"
            f" INSERT INTO {table} ({', '.join(map(_quoted, columns))})"
            f" SELECT {', '.join(wanted)}"
            f" FROM copies, (SELECT * FROM {table} LIMIT 1) AS one",
            [given[column] for column in columns if column in given],
        )


def _quoted(column: str) -> str:
    return f'"{column}"'


def analyze() -> None:
    """Tell the planner, as autovacuum does after a while."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
