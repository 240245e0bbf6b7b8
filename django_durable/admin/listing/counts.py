"""Counts that never walk over everything: they stop, and say so."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.core.paginator import Paginator
from django.db import connections
from django.db.models import IntegerField, QuerySet, Subquery
from django.utils.functional import cached_property

from django_durable.admin.badges import CLASSES
from django_durable.models.status import Status

MOST_COUNTED = 100_000


class CountOf(Subquery):
    """How many rows a subquery has; slice it, and the count is capped."""

    template = "(SELECT count(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()


class CappedPaginator(Paginator):
    """Counts up to a limit: pages beyond it are reached by filters."""

    most = MOST_COUNTED
    # A column that the database finds without the row.
    counted = "pk"

    @cached_property
    def count(self) -> int:
        """Return how many rows there are, at most ``most``."""
        rows: Any = self.object_list
        known: int | None = getattr(rows, "known_count", None)
        if known is not None:
            return known
        return int(rows.order_by().values(self.counted)[: self.most].count())


@dataclass(frozen=True, slots=True)
class Count:
    """One entry of the strip above the list."""

    state: str
    status: str
    number: int
    is_capped: bool


def counts_by_status(rows: QuerySet[Any]) -> list[Count]:
    """Count rows of each status in one statement, at most ``MOST_COUNTED``."""
    found = _counted(rows.order_by().values("status")[: MOST_COUNTED + 1])
    is_capped = sum(found.values()) > MOST_COUNTED
    return list(_entries(found, is_capped))


def _counted(capped: QuerySet[Any, Any]) -> dict[str, int]:
    try:
        inner, params = capped.query.get_compiler(capped.db).as_sql()
    except EmptyResultSet:  # Django knows without asking that nothing matches.
        return {}
    statement = f"SELECT status, count(*) FROM ({inner}) AS counted GROUP BY status"
    with connections[capped.db].cursor() as cursor:
        cursor.execute(statement, params)
        return dict(cursor.fetchall())


def _entries(found: dict[str, int], is_capped: bool) -> Iterable[Count]:
    total = min(sum(found.values()), MOST_COUNTED)
    yield Count("", "", total, is_capped)
    for status in Status:
        if number := found.get(status, 0):
            yield Count(CLASSES[status], status, number, is_capped)
