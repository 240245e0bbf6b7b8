"""What the filters offer: values of the latest workflows, asked for once."""

from typing import Any

from django.http import HttpRequest

# A distinct over everything would read everything.
LATEST = 2000
MOST_CHOICES = 40
_COLUMNS = {"name": "name", "queue": "queue_name", "version": "version"}
_KEPT = "_durable_known_values"


def known_values(request: HttpRequest, model_admin: Any) -> dict[str, list[str]]:
    """Return names, queues and versions of the latest workflows; one statement."""
    kept: dict[str, list[str]] | None = getattr(request, _KEPT, None)
    if kept is None:
        kept = _ask(model_admin.get_queryset(request))
        setattr(request, _KEPT, kept)
    return kept


def _ask(rows: Any) -> dict[str, list[str]]:
    latest = rows.order_by("-created_at").values("pk")[:LATEST]
    found = set(
        rows.filter(pk__in=latest).order_by().values_list(*_COLUMNS.values()).distinct()
    )
    columns = zip(*found, strict=True) if found else [[] for _ in _COLUMNS]
    return {
        parameter: sorted(set(values))[:MOST_CHOICES]
        for parameter, values in zip(_COLUMNS, columns, strict=True)
    }
