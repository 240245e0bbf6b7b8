"""Ids: made so that new rows land together, and checked before they are stored."""

import os
import threading
import time
import unicodedata
import uuid

from django_durable.exceptions import InvalidWorkflowId

MAX_LENGTH = 255

_lock = threading.Lock()
_last = 0


def new_uuid() -> uuid.UUID:
    """Return a UUIDv7 (RFC 9562 §5.7) larger than every earlier one of this process.

    The 12 bits behind the milliseconds hold the fraction of the millisecond
    (method 3 of §6.2), which keeps ids of one process in order.
    """
    global _last
    with _lock:
        _last = max(time.time_ns() * 4096 // 1_000_000, _last + 1)
        ticks = _last
    milliseconds, fraction = divmod(ticks, 4096)
    tail = int.from_bytes(os.urandom(8), "big") >> 2
    value = (milliseconds & (1 << 48) - 1) << 80 | 7 << 76 | fraction << 64
    return uuid.UUID(int=value | 2 << 62 | tail)


def new_workflow_id() -> str:
    """Return a fresh id for a workflow whose starter gave none."""
    return str(new_uuid())


def check_workflow_id(value: object) -> str:
    """Return ``value`` when a user may give it as an id, else InvalidWorkflowId."""
    if not isinstance(value, str):
        raise InvalidWorkflowId(value, f"it is a {type(value).__name__}, not a string")
    if problem := _problem(value):
        raise InvalidWorkflowId(value, problem)
    return str(value)


def may_exist(value: object) -> bool:
    """Tell whether a database can be asked for this id at all."""
    if not isinstance(value, str) or "\0" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _problem(value: str) -> str:
    if not value.strip():
        return "it is blank"
    if len(value) > MAX_LENGTH:
        return f"it has {len(value)} characters, {MAX_LENGTH} are allowed"
    if "/" in value:
        return "'/' is kept for the ids of children"
    for character in value:
        if unicodedata.category(character) in ("Cc", "Cs"):
            return f"it holds the character {character!r}"
    return ""
