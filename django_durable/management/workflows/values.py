"""What workflows have stored, as people and programs can read it.

Payloads are data: decoded where that is possible, else shown as they are stored.
"""

import dataclasses
import json
import math
from collections.abc import Mapping, Set
from datetime import date, datetime, time
from enum import Enum
from typing import Any, TypeAlias

from django.core.exceptions import ImproperlyConfigured

from django_durable import serialization
from django_durable.exceptions import SerializationError
from django_durable.redaction import (
    HIDDEN,
    redacted,
    redacted_arguments,
    redacted_error,
)

Patterns: TypeAlias = tuple[str, ...]

_UNREADABLE = (SerializationError, ImproperlyConfigured, RecursionError)


def decoded(text: str | None, patterns: Patterns = (), *, at: str = "") -> Any:
    """Return a stored value as JSON can hold it, the stored text otherwise.

    Without what the patterns hide: ``at`` names the value itself to them.
    """
    if text is None:
        return None
    try:
        value = serialization.loads(text)
    except _UNREADABLE:
        return HIDDEN if patterns else text
    return plain(redacted(value, patterns, at=at))


def decoded_inputs(name: str, text: str, patterns: Patterns) -> Any:
    """Return the arguments of a start by their names; see decoded()."""
    try:
        value = serialization.loads(text)
    except _UNREADABLE:
        return HIDDEN if patterns else text
    match value:
        case [*args, dict() as kwargs]:
            return plain(redacted_arguments(name, args, kwargs, patterns))
        case other:
            return HIDDEN if patterns else plain(other)


def failure(text: str | None, patterns: Patterns = ()) -> dict[str, str] | None:
    """Return type, message and traceback of a stored exception."""
    if text is None:
        return None
    found = redacted_error(text, patterns)
    return {
        "type": found["type"].removeprefix("builtins:"),
        "message": found["message"],
        "traceback": found.get("traceback", ""),
    }


def said(found: dict[str, str]) -> str:
    """Return an exception in one line."""
    return f"{found['type']}: {found['message']}"


def plain(value: Any) -> Any:
    """Return a value of JSON's types that tells as much as they can."""
    if value is None or isinstance(value, bool | int | str):
        return _scalar(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | Set):
        return [plain(item) for item in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {field.name: plain(getattr(value, field.name)) for field in fields}
    if hasattr(value, "model_dump"):
        return plain(value.model_dump())
    return str(value) if not isinstance(value, bytes) else value.hex()


def compact(value: Any) -> str:
    """Return a plain value as one line: a string is itself, all else is JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _scalar(value: Any) -> Any:
    return plain(value.value) if isinstance(value, Enum) else value
