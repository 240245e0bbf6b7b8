"""Turn values into what Python's JSON encoder takes."""

import json
import math
from collections.abc import Callable
from types import NoneType
from typing import Any

from django_durable.serialization import builtin_types
from django_durable.serialization.builtin_types import is_storable
from django_durable.serialization.refusals import (
    Refused,
    TooDeep,
    TooLarge,
    key_step,
    refusal,
)
from django_durable.serialization.registered_types import (
    Fields,
    RegisteredType,
    registered_class,
)

MAX_DEPTH = 200
MAX_DIGITS = 4300  # Python reads no longer ints, unless it is told to.

_TOO_MANY_DIGITS = 10**MAX_DIGITS

_encoder = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":")
)


def to_json(value: object, limit: int) -> str:
    """Return the value as JSON of about ``limit`` characters at most.

    Raise Refused for a value that cannot be stored, and TooLarge for one that is
    clearly too long; the caller measures the exact length.
    """
    try:
        return _encode(_Writer(limit).plain(value, 0))
    except RecursionError:
        raise too_deep() from None


def too_deep() -> TooDeep:
    """Return the refusal of a value with too many levels."""
    return TooDeep(
        f"it is nested more than {MAX_DEPTH} levels deep",
        "Pass a flatter value, or an id by which to load it.",
    )


# Most steps return one of these, and the encoder is slow to start.
_SCALARS: dict[type, Callable[[Any], str]] = {
    NoneType: {None: "null"}.__getitem__,
    bool: {True: "true", False: "false"}.__getitem__,
    int: int.__repr__,
    float: float.__repr__,
}


def _encode(plain: object) -> str:
    return _SCALARS.get(type(plain), _encoder.encode)(plain)


class _Writer:
    """Writes one value; ``room`` is how many more characters its text may have.

    Every method takes a value of one type and its depth, and returns the same in
    terms of JSON. On errors each container adds its step of the path.
    """

    __slots__ = ("room",)

    def __init__(self, room: int) -> None:
        self.room = room

    def plain(self, value: Any, depth: int) -> object:
        return _WRITERS.get(type(value), _Writer.other)(self, value, depth)

    def take(self, count: int) -> None:
        self.room -= count
        if self.room < 0:
            raise TooLarge

    def enter(self, container: Any, depth: int) -> int:
        if depth >= MAX_DEPTH:
            raise too_deep()
        # Each element takes a character and a comma at least.
        self.take(2 * len(container))
        return depth + 1

    def constant(self, value: bool | None, depth: int) -> object:
        return value

    def integer(self, value: int, depth: int) -> object:
        if not -_TOO_MANY_DIGITS < value < _TOO_MANY_DIGITS:
            raise Refused(
                f"an int of more than {MAX_DIGITS} digits cannot be stored",
                "Pass it as bytes.",
            )
        return value

    def real(self, value: float, depth: int) -> object:
        return value if math.isfinite(value) else {"$float": repr(value)}

    def text(self, value: str, depth: int) -> object:
        self.take(len(value))
        if is_storable(value):
            return value
        return {"$str": builtin_types.write_text(value)}

    def leaf(self, value: object, depth: int) -> object:
        tag, payload = builtin_types.WRITERS[type(value)]
        return {tag: payload(value)}

    def sequence(self, value: list[Any] | tuple[Any, ...], depth: int) -> list[object]:
        depth = self.enter(value, depth)
        plain: list[object] = []
        try:
            for item in value:
                plain.append(self.plain(item, depth))
        except Refused as refused:
            refused.inside(value, f"[{len(plain)}]")
            raise
        return plain

    def a_tuple(self, value: tuple[Any, ...], depth: int) -> object:
        return {"$tuple": self.sequence(value, depth)}

    def a_set(self, value: set[Any] | frozenset[Any], depth: int) -> object:
        depth = self.enter(value, depth)
        try:
            items = [self.plain(item, depth) for item in value]
        except Refused as refused:
            refused.inside(value, "{…}")
            raise
        # Sorted, because the order of a set differs from process to process.
        return {f"${type(value).__name__}": sorted(items, key=_encode)}

    def mapping(self, value: dict[Any, Any], depth: int) -> object:
        if not _has_plain_keys(value):
            return self.pairs(value, depth)
        depth = self.enter(value, depth)
        plain: dict[str, object] = {}
        key = None
        try:
            for key, item in value.items():
                self.take(len(key))
                plain[key] = self.plain(item, depth)
        except Refused as refused:
            refused.inside(value, key_step(key))
            raise
        return plain

    def pairs(self, value: dict[Any, Any], depth: int) -> object:
        depth = self.enter(value, depth)
        plain: list[object] = []
        step = ""
        try:
            for key, item in value.items():
                step = ".keys()"
                plain_key = self.plain(key, depth)
                step = key_step(key)
                plain.append([plain_key, self.plain(item, depth)])
        except Refused as refused:
            refused.inside(value, step)
            raise
        return {"$dict": plain}

    def fields(self, value: Fields, depth: int) -> object:
        depth = self.enter(value, depth)
        name = ""
        plain: dict[str, object] = {}
        try:
            for name, item in value.items():
                plain[name] = self.plain(item, depth)
        except Refused as refused:
            refused.inside(value, f".{name}")
            raise
        return plain

    def other(self, value: object, depth: int) -> object:
        registered = registered_class(type(value))
        if registered is None:
            raise refusal(value)
        try:
            payload = self.plain(_take_apart(registered, value), depth)
        except Refused as refused:
            refused.inside(value, "")
            raise
        return {"$type": [registered.name, payload]}


def _take_apart(registered: RegisteredType, value: object) -> object:
    try:
        return registered.take_apart(value)
    # Properties and serializers of the project run in there.
    except Exception as error:
        raise Refused(f"<{registered.name}> cannot be taken apart ({error})") from error


def _has_plain_keys(value: dict[Any, Any]) -> bool:
    """Say whether JSON keeps the keys, and the dict does not look like a tag."""
    for key in value:
        if type(key) is not str or not is_storable(key):
            return False
    return len(value) != 1 or not next(iter(value)).startswith("$")


_Write = Callable[[_Writer, Any, int], object]
_WRITERS: dict[type, _Write] = {
    NoneType: _Writer.constant,
    bool: _Writer.constant,
    int: _Writer.integer,
    float: _Writer.real,
    str: _Writer.text,
    list: _Writer.sequence,
    dict: _Writer.mapping,
    tuple: _Writer.a_tuple,
    set: _Writer.a_set,
    frozenset: _Writer.a_set,
    Fields: _Writer.fields,
    **dict.fromkeys(builtin_types.WRITERS, _Writer.leaf),
}
