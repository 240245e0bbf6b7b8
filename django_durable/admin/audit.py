"""Who did what, and why: rows that the History page of an object shows."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.options import get_content_type_for_model
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from django_durable.display import visible

MOST_CHARACTERS = 1000
MOST_ENTRIES = 10


def record(
    model_admin: admin.ModelAdmin,
    request: HttpRequest,
    obj: Any,
    action: str,
    *,
    reason: str = "",
    outcome: object = "",
) -> None:
    """Write a LogEntry such as ``cancel: It was cancelled. Reason: a duplicate``.

    A sentence, not JSON: Django's History shows only the JSON that its forms write.
    """
    parts = [f"{action}: {outcome}" if outcome else action]
    if reason:
        parts.append(f"Reason: {reason}")
    text = visible(" ".join(parts), limit=MOST_CHARACTERS, lines=False)
    model_admin.log_change(request, obj, text)


def entries_of(model: type[Model], key: str) -> QuerySet[Any]:
    """Return the last of what was done to an object, for a page without History."""
    kind = get_content_type_for_model(model)
    rows = apps.get_model("admin", "LogEntry")._default_manager
    entries = rows.filter(content_type=kind, object_id=key)
    return entries.select_related("user").order_by("-action_time")[:MOST_ENTRIES]
