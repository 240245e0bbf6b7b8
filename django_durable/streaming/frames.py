"""The messages of ``durable-stream.v1``: what is sent, and what may be said."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from django_durable.streaming.entries import LARGEST_FRAME, Entry, to_text

SUBPROTOCOL = "durable-stream.v1"
# The longest message of a client, in bytes.
LARGEST_MESSAGE = 16 * 1024
# What a frame of entries has around them.
_AROUND = 128


class Close(IntEnum):
    """Why a socket is closed by us."""

    DONE = 1000
    FAILED = 1011
    TRY_LATER = 1013
    BAD_MESSAGE = 4400
    NO_TOKEN = 4401
    FORBIDDEN = 4403
    IDLE = 4408
    TOO_MANY = 4429
    SLOW = 4508


class BadMessage(Exception):
    """What a client said or asked cannot be understood."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A message to be sent; its receiver acknowledges ``next``."""

    text: str
    size: int
    next: int


@dataclass(frozen=True, slots=True)
class Said:
    """What a client said: hello, ack or ping."""

    kind: str
    token: str | None = None
    next: int = 0


def frame(kind: str, /, **content: object) -> str:
    """Return a message to a client as text."""
    return to_text({"t": kind, **content})


def frame_of(entries: list[Entry], *, has_more: bool) -> Frame:
    """Return entries as one message; they must be fit() for it."""
    first, last = entries[0].offset, entries[-1].offset
    listed = ",".join(entry.text for entry in entries)
    more = "true" if has_more else "false"
    text = f'{{"t":"data","from":{first},"entries":[{listed}],"more":{more}}}'
    return Frame(text, size_of(text), last + 1)


def fit(entries: Iterable[Entry], largest: int = LARGEST_FRAME) -> list[Entry]:
    """Return as many of the first entries as one frame takes, one at least."""
    taken: list[Entry] = []
    size = _AROUND
    for entry in entries:
        size += entry.size + 1
        if taken and size > largest:
            break
        taken.append(entry)
    return taken


def size_of(text: str) -> int:
    """Return the bytes of a text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def parse(text: object) -> Said:
    """Return what a client said, or raise BadMessage."""
    if not isinstance(text, str):
        raise BadMessage("a binary frame")
    if len(text) > LARGEST_MESSAGE or len(text.encode(errors="replace")) > (
        LARGEST_MESSAGE
    ):
        raise BadMessage("a message that is too long")
    try:
        message = _decoder.decode(text)
    except (ValueError, RecursionError):
        raise BadMessage("no JSON") from None
    if not isinstance(message, dict):
        raise BadMessage("no object")
    return _said(message)


def _said(message: dict[str, Any]) -> Said:
    kind = message.get("t")
    if kind == "ping":
        return Said(kind)
    if kind == "hello":
        token = message.get("token")
        if not isinstance(token, str | None):
            raise BadMessage("a token that is no text")
        return Said(kind, token=token)
    if kind == "ack":
        reached = message.get("next")
        if isinstance(reached, bool) or not isinstance(reached, int) or reached < 0:
            raise BadMessage("an ack without an offset")
        return Said(kind, next=reached)
    raise BadMessage("an unknown type of message")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


_decoder = json.JSONDecoder(object_pairs_hook=_once)
