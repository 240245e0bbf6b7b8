"""Many questions in one statement, and counts that give up in time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.db.models import QuerySet

from django_durable.models import sql

CAP = 10_000
"""A count stops here: who has more wants to know that, not how many."""


@dataclass(frozen=True, slots=True, order=True)
class Count:
    """A number of rows that was perhaps not counted to its end."""

    number: int
    is_capped: bool = False

    def __str__(self) -> str:
        return f"{self.number:,}+" if self.is_capped else f"{self.number:,}"

    def __bool__(self) -> bool:
        return self.number > 0

    def __add__(self, other: "Count") -> "Count":
        return Count(self.number + other.number, self.is_capped or other.is_capped)


def count_of(number: int | None, cap: int = CAP) -> Count:
    """Return what a count of at most ``cap`` and one more rows has found."""
    found = number or 0
    return Count(min(found, cap), found > cap)


@dataclass(frozen=True, slots=True)
class Ask:
    """A number to find: ``COUNT(*)``, or another function of the rows' one column.

    Of the first ``cap`` rows and one more, in the order of ``rows``.
    """

    rows: QuerySet[Any, Any]
    function: str = "COUNT(*)"
    cap: int = CAP


def together(using: str, questions: Mapping[str, Ask]) -> dict[str, Any]:
    """Answer all questions by one statement without a table of its own."""
    parts, params = [], []
    for ask in questions.values():
        text, values = select(using, ask.rows[: ask.cap + 1])
        parts.append(f"(SELECT {ask.function} FROM ({text}) AS found)")
        params += values
    (found,) = sql.fetch(connections[using], f"SELECT {', '.join(parts)}", params)
    return dict(zip(questions, found, strict=True))


def either(using: str, queries: Sequence[QuerySet[Any, Any]]) -> tuple[str, list[Any]]:
    """Return the rows of several queries, each with its own order and end."""
    texts, params = zip(*(select(using, rows) for rows in queries), strict=True)
    parts = [f"SELECT * FROM ({text}) AS part" for text in texts]
    return " UNION ALL ".join(parts), [value for some in params for value in some]


def select(using: str, rows: QuerySet[Any, Any]) -> tuple[str, list[Any]]:
    """Return a query as text and values, to be part of a larger one."""
    text, values = rows.query.get_compiler(using).as_sql()
    return text, list(values)
