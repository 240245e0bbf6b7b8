"""Stored values as the JSON that browsers get.

What is stored as JSON stays it, tags included; tuples and sets become arrays.
Integers that a double cannot hold are tagged like decimals: ``{"$int": "…"}``.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse

from django_durable import serialization
from django_durable.exceptions import SerializationError
from django_durable.models.watching import StoredEntry

# A frame, with one value and what is around it, has at most 64 KiB.
LARGEST_FRAME = 64 * 1024
LARGEST_VALUE = LARGEST_FRAME - 1024
MOST_ENTRIES = 256

_SAFE_INT = 2**53
_JSON = "json:"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a stream as it is sent: an object of JSON, and its size."""

    offset: int
    text: str
    size: int


def entry_of(workflow_id: str, key: str, stored: StoredEntry) -> Entry:
    """Return an entry as browsers get it; a large value as a link to it."""
    value = None if stored.value is None else value_text(stored.value)
    rest = {
        "at": stored.written_at.isoformat(),
        "step": stored.step_id,
        "attempt": stored.attempt,
        "claim": stored.claim,
    }
    if stored.branch:
        rest["branch"] = stored.branch
    if value is None or _size(value) > LARGEST_VALUE:
        link = link_to(workflow_id, key, stored.offset)
        text = to_text({"o": stored.offset, "bytes": stored.size, "link": link, **rest})
    else:
        text = f'{{"o":{stored.offset},"v":{value},{to_text(rest)[1:]}'
    return Entry(stored.offset, text, _size(text))


def link_to(workflow_id: str, key: str, offset: int) -> str | None:
    """Return where one value is fetched, None where the URLs are not included."""
    try:
        path = reverse("django_durable_streaming:value")
    except NoReverseMatch:
        return None
    return (
        f"{path}?{urlencode({'workflow': workflow_id, 'key': key, 'offset': offset})}"
    )


def value_text(stored: str) -> str:
    """Return a stored value as JSON for browsers."""
    if not stored.startswith(_JSON):
        return _foreign(stored)
    try:
        return to_text(_DECODER.decode(stored[len(_JSON) :]))
    except (ValueError, RecursionError):
        return _UNREADABLE


def to_text(value: object) -> str:
    """Return plain values as compact JSON that is valid Unicode."""
    text = _ENCODER.encode(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"))
    return text


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _foreign(stored: str) -> str:
    """Return a value of another format, as far as JSON with tags can hold it."""
    try:
        value = serialization.loads(stored)
        text = serialization.JSONSerializer().dumps(value, "value")
    except SerializationError:
        return _UNREADABLE
    return value_text(f"{_JSON}{text}")


def _array(payload: Any) -> Any:
    return payload


def _text(payload: Any) -> Any:
    return payload.encode("ascii").decode("unicode_escape")


# Tags that browsers need not see.
_READERS: dict[str, Callable[[Any], Any]] = {
    "$tuple": _array,
    "$set": _array,
    "$frozenset": _array,
    "$str": _text,
}


def _revive(found: dict[str, Any]) -> object:
    if len(found) == 1:
        ((tag, payload),) = found.items()
        if tag in _READERS:
            return _READERS[tag](payload)
    return found


def _number(digits: str) -> object:
    # Python refuses to read an int of very many digits; none is that safe.
    if len(digits) <= 17 and -_SAFE_INT <= int(digits) <= _SAFE_INT:
        return int(digits)
    return {"$int": digits}


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_DECODER = json.JSONDecoder(object_hook=_revive, parse_int=_number)
_UNREADABLE = '{"$unreadable":true}'
