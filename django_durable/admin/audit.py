"""Who did what, and why: rows that the History page of an object shows."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from django_durable.display import visible

MOST_CHARACTERS = 1000


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
