"""What displays hide: the console, the command line, exports.

What is stored stays as it is, and so does what code sees.
"""

import dataclasses
import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any
from uuid import UUID

from django_durable import conf, failures
from django_durable.definitions import registry
from django_durable.patterns import Place, place_of
from django_durable.serialization.registered_types import registered_class

HIDDEN = "•••"


def patterns_for(name: str, step_name: str | None = "") -> tuple[str, ...]:
    """Return the patterns of a workflow, of a step of it, and of the settings.

    None stands for a step whose name is not known: it may be any of them. A process
    that does not have the code knows those of the settings only.
    """
    definition = registry.find(name)
    own = definition.redact if definition is not None else ()
    of_step = (
        registry.all_redactions()
        if step_name is None
        else registry.redactions_of(step_name)
    )
    return (*own, *of_step, *conf.current().redact)


def patterns_for_failure(name: str) -> tuple[str, ...]:
    """Return the patterns for the exception with which a workflow ended.

    It may have come out of any step.
    """
    return patterns_for(name, None)


def hides_failure(name: str) -> bool:
    """Tell whether displays hide the message with which a workflow ended."""
    parts = {"type": "", "message": "?"}
    return bool(redacted_parts(parts, patterns_for_failure(name)) != parts)


def redacted(value: Any, patterns: Iterable[str], *, at: str = "") -> Any:
    """Return a copy of a value with ``•••`` wherever a pattern says so.

    ``value`` is what the serializer returns, or the JSON in which it is stored.
    ``at`` names the value itself: the key of an event, ``"output"`` for what a
    workflow or step returned.
    """
    place = place_of(tuple(patterns))
    if not place.patterns:
        return value
    return _redacted(value, place.at(at) if at else place)


def redacted_arguments(
    name: str, args: Sequence[Any], kwargs: Mapping[str, Any], patterns: Iterable[str]
) -> dict[str, Any]:
    """Return the arguments of a workflow by their names, redacted.

    Where the code is missing or takes others now, arguments without a name stand
    under their numbers, and are hidden as soon as there is any pattern.
    """
    patterns = tuple(patterns)
    named = _named(name, args, kwargs)
    if named is not None:
        return redacted(named, patterns)  # type: ignore[no-any-return]
    shown = [HIDDEN] * len(args) if patterns else args
    return {
        **{str(number): value for number, value in enumerate(shown)},
        **redacted(dict(kwargs), patterns),
    }


def redacted_error(text: str, patterns: Iterable[str]) -> dict[str, Any]:
    """Return a stored exception with ``•••`` wherever a pattern says so.

    It has a type (``"module:Class"``) and a message, and if they are stored notes, a
    cause and a traceback. What cannot be read is hidden as soon as there is any
    pattern.
    """
    patterns = tuple(patterns)
    parts = failures.parts_of(text)
    if parts is None:
        return {"type": "unknown", "message": HIDDEN if patterns else text[:200]}
    return redacted_parts(parts, patterns)


def redacted_parts(parts: Mapping[str, Any], patterns: Iterable[str]) -> dict[str, Any]:
    """Return parts of an exception, redacted as one: they repeat each other.

    A traceback ends with the message and begins with the cause; the state has all
    of them. The type is no value, and always told.
    """
    place = place_of(tuple(patterns))
    if not place.patterns:
        return dict(parts)
    place = place.at("error")
    shown = {
        name: part if name == "type" else _redacted(part, place.at(name))
        for name, part in parts.items()
    }
    hidden = {"state"}
    if place.is_met or shown.get("message") == HIDDEN:
        hidden.update(set(parts) - {"type"})
    elif any(shown[name] != parts[name] for name in set(parts) & {"notes", "cause"}):
        hidden.add("traceback")
    hidden = {name for name in hidden if parts.get(name)}
    return {**shown, **dict.fromkeys(hidden, HIDDEN)}


def _named(
    name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return arguments by the names of the function's parameters, if they fit."""
    definition = registry.find(name)
    if definition is None:
        return dict(kwargs) if not args else None
    try:
        signature = inspect.signature(definition.func)
        bound = signature.bind(*args, **kwargs)
    except (TypeError, ValueError):
        return None
    named: dict[str, Any] = {}
    for parameter in signature.parameters.values():
        if parameter.name not in bound.arguments:
            continue
        value = bound.arguments[parameter.name]
        if parameter.kind is parameter.VAR_KEYWORD:
            named.update(value)
        else:
            named[parameter.name] = (
                list(value) if parameter.kind is parameter.VAR_POSITIONAL else value
            )
    return named


def _redacted(value: Any, place: Place) -> Any:
    if place.is_met:
        return HIDDEN
    if isinstance(value, Mapping):
        return _redacted_mapping(value, place)
    if isinstance(value, (list, tuple, set, frozenset)):
        items = [
            _redacted(item, place.item(number)) for number, item in enumerate(value)
        ]
        return (
            _COLLECTIONS[type(value)](items) if type(value) in _COLLECTIONS else items
        )
    if isinstance(value, _PLAIN):
        return value
    return _redacted_object(value, place)


_COLLECTIONS = {each: each for each in (list, tuple, set, frozenset)}
_PLAIN = (
    *(NoneType, int, float, complex, str, bytes, Enum),
    *(date, time, timedelta, Decimal, UUID),
)


def _redacted_mapping(value: Mapping[Any, Any], place: Place) -> Any:
    if len(value) == 1:
        ((tag, payload),) = value.items()
        if tag == "$dict" and isinstance(payload, list):
            return {tag: [_redacted_pair(pair, place) for pair in payload]}
        if isinstance(tag, str) and tag.startswith("$") and not place.at(tag).is_met:
            return {tag: _redacted(payload, place.item(tag))}
    return {key: _redacted(part, place.at(key)) for key, part in value.items()}


def _redacted_pair(pair: Any, place: Place) -> Any:
    """Redact a key and its value, as the serializer writes odd keys."""
    match pair:
        case [key, part]:
            return [key, _redacted(part, place.at(key))]
    return HIDDEN


def _redacted_object(value: Any, place: Place) -> Any:
    """Return the fields of an object in which something is hidden, else itself."""
    registered = registered_class(type(value))
    if registered is not None:
        parts = registered.take_apart(value)
    elif dataclasses.is_dataclass(value):
        parts = {each.name: getattr(value, each.name) for each in fields(value)}
    else:
        return HIDDEN  # Nobody knows what its text would show.
    shown = _redacted(parts, place)
    return value if shown == parts else shown
