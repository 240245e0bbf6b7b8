"""Turn JSON with tags back into values."""

import json
from collections.abc import Callable
from typing import Any, NoReturn

from django_durable.serialization import builtin_types
from django_durable.serialization.refusals import Refused
from django_durable.serialization.registered_types import registered_name


def _revive(found: dict[str, Any]) -> object:
    """Return the value of a JSON object; what is inside it has been revived."""
    if len(found) != 1:
        return found
    ((tag, payload),) = found.items()
    if not tag.startswith("$"):
        return found
    if read := _READERS.get(tag):
        return read(payload)
    raise Refused(
        f"the stored text has the unknown tag {tag!r}",
        "Was it written by a newer version of django_durable, or by other means?",
    )


def _list(payload: object) -> list[Any]:
    if not isinstance(payload, list):
        raise TypeError(f"{type(payload).__name__} found where a list was expected")
    return payload


def _read_tuple(payload: object) -> tuple[Any, ...]:
    return tuple(_list(payload))


def _read_set(payload: object) -> set[Any]:
    return set(_list(payload))


def _read_frozenset(payload: object) -> frozenset[Any]:
    return frozenset(_list(payload))


def _read_dict(payload: object) -> dict[Any, Any]:
    return dict(map(_read_tuple, _list(payload)))


def _read_registered(payload: object) -> object:
    name, content = _list(payload)
    return registered_name(name).put_together(content)


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


_READERS: dict[str, Callable[[Any], object]] = {
    **builtin_types.READERS,
    "$dict": _read_dict,
    "$frozenset": _read_frozenset,
    "$set": _read_set,
    "$tuple": _read_tuple,
    "$type": _read_registered,
}

from_json: Callable[[str], Any] = json.JSONDecoder(
    object_hook=_revive, parse_constant=_refuse_constant
).decode
"""Return the value of a text; whatever exception comes out, it cannot be read."""
