"""The definitions that this process has, by name."""

import threading
from typing import Any, Protocol

from django.core.exceptions import ImproperlyConfigured


class Definition(Protocol):
    """A workflow definition, as its executions know it."""

    name: str
    func: Any
    is_async: bool
    queue_name: str
    max_recovery_attempts: int
    redact: tuple[str, ...]
    timeout: float | None

    @property
    def version(self) -> str: ...

    @property
    def source_place(self) -> tuple[str, int]: ...


_definitions: dict[str, Definition] = {}
_redactions: dict[str, tuple[str, ...]] = {}
_lock = threading.Lock()


def register(definition: Definition) -> None:
    """Add a definition; another one of that name must come from the same line."""
    with _lock:
        known = _definitions.get(definition.name)
        if known is not None and known.source_place != definition.source_place:
            raise ImproperlyConfigured(
                f"Two workflows are named {definition.name!r}: one at"
                f" {_shown(known)}, one at {_shown(definition)}."
                " Give one of them another name=."
            )
        _definitions[definition.name] = definition


def find(name: str) -> Definition | None:
    """Return the definition of that name, None when this process has none."""
    return _definitions.get(name)


def all_definitions() -> list[Definition]:
    """Return every registered definition, sorted by name."""
    return [definition for _, definition in sorted(_definitions.items())]


def version_of(name: str) -> str | None:
    """Return the version of the code at hand for a name, None without code."""
    definition = find(name)
    return definition.version if definition is not None else None


def note_redaction(step_name: str, patterns: tuple[str, ...]) -> None:
    """Know what displays hide of a step; of two with one name, what either hides."""
    with _lock:
        known = _redactions.get(step_name, ())
        _redactions[step_name] = tuple(dict.fromkeys((*known, *patterns)))


def redactions_of(step_name: str) -> tuple[str, ...]:
    """Return the patterns of the steps of that name."""
    return _redactions.get(step_name, ())


def all_redactions() -> tuple[str, ...]:
    """Return the patterns of all steps."""
    return tuple(dict.fromkeys(each for some in _redactions.values() for each in some))


def _shown(definition: Definition) -> str:
    file, line = definition.source_place
    return f"{file}:{line}"
