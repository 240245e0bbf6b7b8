"""What stands in the dict: each key's reader, default and documentation.

A reader takes the value of a key and returns it in the type of its attribute.
"""

from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import timedelta
from typing import Any, Literal

from django_durable.patterns import is_well_formed

_LONGEST = timedelta(days=36525).total_seconds()


class BadValue(Exception):
    """A reader refuses a value; caught where the key is known."""

    def __init__(self, kind: Literal["type", "range"], must_be: str) -> None:
        super().__init__(must_be)
        self.kind: Literal["type", "range"] = kind
        self.must_be = must_be


def text(value: object) -> str:
    if not isinstance(value, str):
        raise BadValue("type", "a string")
    if not value.strip():
        raise BadValue("range", "a string that is not empty")
    return value


def dotted_path(value: object) -> str:
    if not isinstance(value, str):
        raise BadValue("type", "a dotted path")
    parts = value.split(".")
    if len(parts) < 2 or not all(part.isidentifier() for part in parts):
        raise BadValue("range", "a dotted path")
    return value


def format_names(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(
        isinstance(name, str) for name in value
    ):
        raise BadValue("type", "a list of format names")
    if not value or not all(value):
        raise BadValue("range", "a list of format names, such as ['json']")
    return tuple(value)


def patterns(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(
        isinstance(pattern, str) for pattern in value
    ):
        raise BadValue("type", "a list of patterns")
    if not all(map(is_well_formed, value)):
        raise BadValue("range", "a list of patterns, such as ['password', 'card.*']")
    return tuple(value)


def seconds(value: object, *, zero: bool) -> float:
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadValue("type", "a number of seconds or a timedelta")
    if not (0 <= value <= _LONGEST) or (value == 0 and not zero):
        least = "0 or more" if zero else "more than 0"
        raise BadValue("range", f"{least} and at most 100 years, in seconds")
    return float(value)


def duration(value: object) -> float:
    return seconds(value, zero=False)


def patience(value: object) -> float:
    return seconds(value, zero=True)


def count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadValue("type", "a whole number")
    if value < 1:
        raise BadValue("range", "a whole number of 1 or more")
    return value


_FINISHED = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")


def ages(value: object) -> Mapping[str, float]:
    """Read one age, for all but dead letters, or a dict of ages by status."""
    if not isinstance(value, Mapping):
        return dict.fromkeys(_FINISHED[:3], duration(value))
    if not value or not set(value) <= set(_FINISHED):
        raise BadValue("range", f"an age, or a dict of ages for {_FINISHED}")
    return {str(status): duration(age) for status, age in value.items()}


def version_policy(value: object) -> str:
    if not isinstance(value, str):
        raise BadValue("type", "'pin' or 'continue'")
    if value not in ("pin", "continue"):
        raise BadValue("range", "'pin' or 'continue'")
    return value


def switch_or_path(value: object) -> bool | str:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise BadValue("type", "True, False or a dotted path")
    return dotted_path(value)


def or_none(reader: Callable[[object], Any]) -> Callable[[object], Any]:
    def read(value: object) -> Any:
        return None if value is None else reader(value)

    return read


def setting(default: object, reader: Callable[[object], Any], doc: str) -> Any:
    return field(default=default, metadata={"reader": reader, "doc": doc})
