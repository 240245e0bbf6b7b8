"""Lengths of time that users give: seconds or timedelta, checked at the call."""

import math
from datetime import datetime, timedelta
from typing import TypeAlias

Seconds: TypeAlias = float | timedelta

LONGEST = timedelta(days=3653)


def seconds(value: object, what: str) -> float:
    """Return a length of time in seconds.

    ``value`` is a number of seconds or a timedelta, ``what`` names it in errors.
    Raises TypeError for anything else (a bool or a string of digits included)
    and ValueError for NaN, a negative length or more than ten years.
    """
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{what} must be seconds or a timedelta, not {value!r}.")
    if (isinstance(value, float) and math.isnan(value)) or value < 0:
        raise ValueError(f"{what} must not be {value!r}: give zero or more seconds.")
    if value > LONGEST.total_seconds():
        raise ValueError(f"{what} must not be longer than ten years, not {value!r} s.")
    return float(value)


def optional_seconds(value: object, what: str) -> float | None:
    """Return ``seconds(value)``, or None for None: no limit."""
    return None if value is None else seconds(value, what)


def optional_limit(value: object, what: str) -> float | None:
    """See optional_seconds(); ValueError as well for no time at all."""
    if (found := optional_seconds(value, what)) == 0:
        raise ValueError(f"{what} must be more than zero seconds.")
    return found


def moment(value: object, what: str) -> datetime:
    """Return an aware datetime, or raise TypeError or ValueError."""
    if not isinstance(value, datetime):
        raise TypeError(f"{what} must be a datetime, not {value!r}.")
    if value.utcoffset() is None:
        raise ValueError(
            f"{what} must be an aware datetime, not {value!r}: add a time zone,"
            " for instance with django.utils.timezone.make_aware()."
        )
    return value
