"""Stored values as text: never brought to life, redacted, and not too long."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django_durable import redaction
from django_durable.display import visible

MOST_CHARACTERS = 20_000
_JSON = "json:"


@dataclass(frozen=True, slots=True)
class Payload:
    """A stored value as a page shows it."""

    text: str
    size: int
    is_cut: bool

    @property
    def preview(self) -> str:
        """The beginning, in one line."""
        return visible(" ".join(self.text.split()), limit=60, lines=False)


def payload_of(
    stored: str | None, name: str, *, step: str = "", at: str = ""
) -> Payload | None:
    """Return a stored value as the beginning of its text, None for none."""
    if stored is None:
        return None
    return _payload(stored, stored_text(stored, name, step=step, at=at))


def stored_text(stored: str, name: str, *, step: str | None = "", at: str = "") -> str:
    """Return a value as indented JSON, with what the patterns hide hidden.

    It is read as JSON, not as a value: nothing of the project's code runs.
    """
    patterns = redaction.patterns_for(name, step)
    return _text(stored, bool(patterns), lambda tree: _redact(tree, patterns, at))


def error_text(stored: str, name: str, *, step: str | None = None) -> str:
    """Return a stored exception as indented JSON; see shown_error()."""
    patterns = redaction.patterns_for(name, step)

    def change(tree: Any) -> Any:
        if isinstance(tree, dict):
            return redaction.redacted_parts(tree, patterns)
        return _redact(tree, patterns, "error")

    return _text(stored, bool(patterns), change)


def inputs_text(stored: str, name: str) -> str:
    """Return the arguments of a workflow by the names of its parameters."""
    patterns = redaction.patterns_for(name)

    def named(tree: Any) -> Any:
        match tree:
            case [*args, dict() as kwargs]:
                return redaction.redacted_arguments(name, args, kwargs, patterns)
        return _redact(tree, patterns, "")

    return _text(stored, bool(patterns), named)


def own_text(stored: str | None, name: str, column: str) -> str | None:
    """Return what a workflow itself stores in one of PAYLOADS, None for nothing."""
    if stored is None:
        return None
    if column == "inputs":
        return inputs_text(stored, name)
    # What has ended it may be the exception of any of its steps.
    return part_text(stored, name, column, step=None if column == "error" else "")


def part_text(
    stored: str | None, name: str, column: str, *, step: str | None = "", at: str = ""
) -> str | None:
    """Return what a step or another part of a workflow stores, None for nothing."""
    if stored is None:
        return None
    if column == "error":
        return error_text(stored, name, step=step)
    return stored_text(stored, name, step=step, at=at or column)


def inputs_payload(stored: str, name: str) -> Payload:
    """See payload_of() and inputs_text()."""
    return _payload(stored, inputs_text(stored, name))


def _payload(stored: str, text: str) -> Payload:
    shown = visible(text, limit=MOST_CHARACTERS)
    return Payload(shown, len(stored.encode()), len(text) > MOST_CHARACTERS)


def _text(stored: str, is_secret: bool, change: Callable[[Any], Any]) -> str:
    if stored.startswith(_JSON):
        try:
            tree = json.loads(stored.removeprefix(_JSON))
            return json.dumps(change(tree), indent=2, ensure_ascii=False)
        except (ValueError, RecursionError):
            pass
    # Where something must be hidden, what cannot be read is.
    return redaction.HIDDEN if is_secret else stored


def _redact(tree: Any, patterns: tuple[str, ...], at: str) -> Any:
    return redaction.redacted(tree, patterns, at=at)
