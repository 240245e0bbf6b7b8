"""Workflows that another one names, although its reader may not see them."""

from collections.abc import Iterable
from typing import Any

from django.db.models import (
    Case,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    TextField,
    Value,
    When,
)

from django_durable.models import Workflow
from django_durable.redaction import HIDDEN


def is_hidden(mine: QuerySet[Any], column: str) -> Q:
    """Ask whether the workflow that a column names is there, and not in ``mine``."""
    there = Workflow.objects.using(mine.db).filter(pk=OuterRef(column))
    return Q(Exists(there)) & ~Q(Exists(mine.filter(pk=OuterRef(column))))


def named(mine: QuerySet[Any], column: str) -> Case:
    """Return a column that names workflows, with ``•••`` for those that are hidden."""
    hidden = When(is_hidden(mine, column), then=Value(HIDDEN))
    return Case(hidden, default=F(column), output_field=TextField())


def hidden_ids(using: str, ids: Iterable[str], seen: Iterable[str]) -> frozenset[str]:
    """Return which of these ids are those of workflows, and not among the seen ones."""
    unseen = set(ids) - set(seen)
    if not unseen:
        return frozenset()
    rows = Workflow.objects.using(using).filter(pk__in=unseen)
    return frozenset(rows.values_list("pk", flat=True))
