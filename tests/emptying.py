"""Emptying tables between the many runs of one test."""

from collections.abc import Iterable

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from django_durable.models import sql


def empty(
    connection: BaseDatabaseWrapper, emptied: Iterable[type[models.Model]]
) -> None:
    """Delete all rows, and nothing but them: no cascades, no signals."""
    statements = [f"DELETE FROM {sql.table(model)}" for model in emptied]
    if sql.is_postgresql(connection):
        statements = ["; ".join(statements)]  # One round trip.
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
