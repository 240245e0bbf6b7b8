"""Statements that the ORM composes once for each kind of database.

To compose one takes several times as long as to execute it. What is executed
again and again is therefore composed with gaps, kept as text, and filled in.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Expression
from django.db.models.lookups import Lookup
from django.db.models.sql import UpdateQuery

from django_durable.models import sql

Rows = models.QuerySet[Any]


class Given(Expression):
    """A gap: a value that is known when the statement is executed, by its name."""

    def __init__(self, name: str, field: "models.Field[Any, Any]") -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """Leave the gap itself among the parameters."""
        return "%s", [self]

    def value_of(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        """Return a value as the database driver takes it."""
        return self.output_field.get_db_prep_value(value, connection)


class GivenList(Given):
    """A gap for a list of texts, of any length."""

    def value_of(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        """See Given.value_of()."""
        texts = list(value)
        return sql.array(texts) if sql.is_postgresql(connection) else json.dumps(texts)


class OneOf(Lookup):
    """The condition that a column holds one of the texts of a GivenList.

    One parameter, however many there are: ``IN`` needs a text for each number. A
    lookup, since Django compares other conditions with 1, past every index.
    """

    def __init__(self, column: Any, texts: Any) -> None:
        super().__init__(models.F(column) if isinstance(column, str) else column, texts)

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """Render for either database."""
        column, params = compiler.compile(self.lhs)
        texts, gap = compiler.compile(self.rhs)
        if sql.is_postgresql(connection):
            condition = f"{column} = ANY({texts}::text[])"
        else:
            condition = f"{column} IN (SELECT value FROM json_each({texts}))"
        return condition, [*params, *gap]


def text(name: str) -> Given:
    """Leave a gap for a text."""
    return Given(name, models.TextField())


def texts(name: str) -> GivenList:
    """Leave a gap for a list of texts."""
    return GivenList(name, models.TextField())


def number(name: str) -> Given:
    """Leave a gap for a number."""
    return Given(name, models.BigIntegerField())


def uuid(name: str) -> Given:
    """Leave a gap for a UUID."""
    return Given(name, models.UUIDField())


def moment(name: str) -> Given:
    """Leave a gap for an aware datetime, or for none."""
    return Given(name, models.DateTimeField())


def duration(name: str) -> Given:
    """Leave a gap for a length of time."""
    return Given(name, models.DurationField())


@dataclass(frozen=True, slots=True)
class _Statement:
    text: str
    gaps: tuple[Given, ...]
    columns: tuple[Any, ...] = ()

    def filled(
        self, connection: BaseDatabaseWrapper, given: Mapping[str, Any]
    ) -> list[Any]:
        return [gap.value_of(given[gap.name], connection) for gap in self.gaps]


class _Compiled:
    def __init__(self, compose: Callable[[Rows], Rows]) -> None:
        self._compose = compose
        self._statements: dict[str, _Statement] = {}

    def _statement(self, rows: Rows, connection: BaseDatabaseWrapper) -> _Statement:
        if rows.query.where or rows.query.is_sliced:
            # What is composed now is executed for everybody later.
            raise TypeError("A compiled statement takes all rows: filter by its gaps.")
        known = self._statements.get(connection.vendor)
        if known is None:
            known = self._compile(self._compose(rows.all()), connection)
            self._statements[connection.vendor] = known
        return known

    def _compile(self, rows: Rows, connection: BaseDatabaseWrapper) -> _Statement:
        raise NotImplementedError


class Selection(_Compiled):
    """A question: ``Selection(lambda rows: rows.filter(...).values_list(...))``.

    ``rows`` are all rows of the table, so that nothing but what is given differs.
    """

    def __call__(self, rows: Rows, **given: Any) -> list[sql.Row]:
        """Return what is selected, as tuples; ``given`` fills the gaps."""
        connection = connections[rows.db]
        statement = self._statement(rows, connection)
        values = statement.filled(connection, given)
        found = sql.fetch_hot(connection, statement.text, values)
        compiler = rows.query.get_compiler(connection=connection)
        converters = compiler.get_converters(statement.columns)
        if not converters:
            return found
        return [tuple(row) for row in compiler.apply_converters(found, converters)]

    def _compile(self, rows: Rows, connection: BaseDatabaseWrapper) -> _Statement:
        compiler = rows.query.get_compiler(connection=connection)
        text, gaps = _with_constants(*compiler.as_sql())
        columns = tuple(column for column, *_ in compiler.select)
        return _Statement(text, gaps, columns)


class Change(_Compiled):
    """An update: ``Change(lambda rows: rows.filter(...), column=value, ...)``."""

    def __init__(self, compose: Callable[[Rows], Rows], **changes: Any) -> None:
        super().__init__(compose)
        self._changes = changes

    def __call__(self, rows: Rows, **given: Any) -> int:
        """Change the rows and return how many; ``given`` fills the gaps."""
        connection = connections[rows.db]
        statement = self._statement(rows, connection)
        return sql.execute_hot(
            connection, statement.text, statement.filled(connection, given)
        )

    def _compile(self, rows: Rows, connection: BaseDatabaseWrapper) -> _Statement:
        query: Any = rows.query.chain(UpdateQuery)
        query.add_update_values(self._changes)
        compiler = query.get_compiler(connection=connection)
        return _Statement(*_with_constants(*compiler.as_sql()))


def _with_constants(text: str, params: Sequence[Any]) -> tuple[str, tuple[Given, ...]]:
    """Write what never changes into the text; keep the gaps.

    A plan that is kept for any value can use a partial index only where the text
    says what the index is about.
    """
    first, *rest = text.split("%s")
    parts, gaps = [first], []
    for value, part in zip(params, rest, strict=True):
        if isinstance(value, Given):
            gaps.append(value)
        parts += ["%s" if isinstance(value, Given) else _literal(value), part]
    return "".join(parts), tuple(gaps)


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, str):
        quoted = value.replace("'", "''").replace("%", "%%")
        return f"'{quoted}'"
    raise TypeError(f"{value!r} has to be given when the statement is executed.")
