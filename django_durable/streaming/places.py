"""What somebody asks to watch: workflow, key and offset, from a query string."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django_durable import names
from django_durable.streaming.frames import BadMessage

_NUMBER = re.compile(r"-?[0-9]{1,19}")
NEW_ONLY = -1


@dataclass(frozen=True, slots=True)
class Asked:
    """A stream (or the feed, with an empty key), and the first offset wanted."""

    workflow_id: str
    key: str
    start: int = 0


Query = Mapping[str, Sequence[str]]


def asked_stream(query: Query, *, start: str = "from") -> Asked:
    """Return what a query string asks for, or raise BadMessage."""
    key = _one(query, "key")
    try:
        names.check_name(key, "key")
    except ValueError as error:
        raise BadMessage(str(error)) from None
    return Asked(_one(query, "workflow"), key, _start(_one(query, start, "0")))


def asked_feed(query: Query) -> Asked:
    """Return whose news a query string asks for, or raise BadMessage."""
    return Asked(_one(query, "workflow"), "")


def offset_of(text: str, name: str) -> int:
    """Return an offset of 0 or more, or raise BadMessage."""
    number = _start(text)
    if number < 0:
        raise BadMessage(f"{name} must be 0 or more")
    return number


def _start(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise BadMessage("an offset must be a whole number")
    number = int(text)
    if not NEW_ONLY <= number < 2**63:
        raise BadMessage("an offset must be -1, or 0 to 2**63 - 1")
    return number


def _one(query: Query, name: str, default: str | None = None) -> str:
    found = query.get(name, [])
    if not found and default is not None:
        return default
    if len(found) != 1:
        raise BadMessage(f"{name} must be given once")
    return found[0]
