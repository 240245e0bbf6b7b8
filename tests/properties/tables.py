"""Tables as dicts."""

from typing import Any

from django.db import connections
from django.db.models import Model

from django_durable.models import sql
from tests.crash.crasher import USING


def rows(model: type[Model], *columns: str) -> list[dict[str, Any]]:
    """Read a table without the ORM: this is done thousands of times."""
    found = sql.fetch(
        connections[USING], f"SELECT {', '.join(columns)} FROM {sql.table(model)}"
    )
    return [dict(zip(columns, row, strict=True)) for row in found]


def key_of(row: dict[str, Any]) -> str:
    """Return the key of a step: the idempotency key of its calls."""
    branch = f"{row['branch']}:" if row["branch"] else ""
    return f"{row['workflow_id']}/{branch}{row['step_id']}"
