"""How Python's own types look in JSON: ``{"$tag": payload}``, written and read."""

import base64
import math
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django_durable.serialization.refusals import Refused


def is_storable(text: str) -> bool:
    """Say whether both databases and JSON keep this string as it is."""
    if "\0" in text:
        return False
    return text.isascii() or not _has_surrogates(text)


def _has_surrogates(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def write_text(text: str) -> str:
    """Return a string that is not storable in one that is."""
    return text.encode("unicode_escape").decode("ascii")


def read_text(payload: str) -> str:
    """Undo write_text()."""
    return payload.encode("ascii").decode("unicode_escape")


def _write_bytes(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _read_bytes(payload: str) -> bytes:
    return base64.b64decode(payload, validate=True)


def _write_moment(value: datetime | time) -> str | list[str]:
    zone = value.tzinfo
    if type(zone) is ZoneInfo and zone.key:
        return [value.isoformat(), zone.key]
    if zone is not None:
        _refuse_odd_offset(value.utcoffset())
    return value.isoformat()


def _refuse_odd_offset(offset: timedelta | None) -> None:
    if offset is None:
        raise Refused("its time zone has no offset", "Use a ZoneInfo.")
    # Python reads "+00:00:00.5" as UTC.
    if offset.microseconds:
        raise Refused("its offset has fractions of a second", "Use whole seconds.")


def _read_datetime(payload: str | list[str]) -> datetime:
    if isinstance(payload, str):
        return datetime.fromisoformat(payload)
    text, key = payload
    fixed = datetime.fromisoformat(text)
    local = fixed.replace(tzinfo=_zone(key))
    # The offset tells which of two equal wall clock times was meant.
    for candidate in (local, local.replace(fold=1)):
        if candidate.utcoffset() == fixed.utcoffset():
            return candidate
    # The zone's rules have changed since: keep the instant.
    return fixed.astimezone(_zone(key))


def _read_time(payload: str | list[str]) -> time:
    if isinstance(payload, str):
        return time.fromisoformat(payload)
    text, key = payload
    return time.fromisoformat(text).replace(tzinfo=_zone(key))


def _zone(key: str) -> ZoneInfo:
    try:
        return ZoneInfo(key)
    except (OSError, KeyError, ValueError) as error:
        raise Refused(
            f"this machine does not know the time zone {key!r}",
            "Install the tzdata package.",
        ) from error


def _write_timedelta(value: timedelta) -> list[int]:
    return [value.days, value.seconds, value.microseconds]


def _read_timedelta(payload: list[int]) -> timedelta:
    days, seconds, microseconds = payload
    return timedelta(days, seconds, microseconds)


def _read_float(payload: str) -> float:
    value = float(payload)
    if math.isfinite(value):
        raise ValueError(f"{payload!r} needs no tag")
    return value


WRITERS: dict[type, tuple[str, Callable[[Any], object]]] = {
    bytes: ("$bytes", _write_bytes),
    datetime: ("$datetime", _write_moment),
    date: ("$date", date.isoformat),
    time: ("$time", _write_moment),
    timedelta: ("$timedelta", _write_timedelta),
    Decimal: ("$decimal", str),
    UUID: ("$uuid", str),
}
"""Tag and payload of the values that contain no others, by exact type."""

READERS: dict[str, Callable[[Any], object]] = {
    "$bytes": _read_bytes,
    "$date": date.fromisoformat,
    "$datetime": _read_datetime,
    "$decimal": Decimal,
    "$float": _read_float,
    "$str": read_text,
    "$time": _read_time,
    "$timedelta": _read_timedelta,
    "$uuid": UUID,
}
"""The way back, by tag. Whatever exception one raises, the text is refused."""
