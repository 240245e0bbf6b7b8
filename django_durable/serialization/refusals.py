"""Values that cannot be stored, and what to pass instead."""

import asyncio
import dataclasses
import functools
import io
import json
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CoroutineType,
    FunctionType,
    GeneratorType,
    MethodType,
    ModuleType,
)
from uuid import UUID

from django_durable.exceptions import SerializationError

_PLAIN_TYPES = (
    *(str, int, float, dict, list, tuple, set, frozenset, bytes),
    *(datetime, date, time, timedelta, Decimal, UUID),
)
_FUNCTIONS = (FunctionType, BuiltinFunctionType, MethodType, functools.partial)
_OF_THIS_PROCESS = {"_thread", "threading", "socket", "ssl", "asyncio", "subprocess"}
_REGISTER = "register the class with durable.register_type"


class Refused(Exception):
    """A value cannot be stored, or a text not be read; caught by the serializer.

    On its way out each container adds its step, so the path costs nothing until
    somebody needs it.
    """

    def __init__(self, problem: str, advice: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.advice = advice
        self._steps: list[str] = []
        self._owners: list[int] = []

    def inside(self, owner: object, step: str) -> None:
        """Note that the value is in ``owner``, one ``step`` of the path away."""
        self._steps.append(step)
        self._owners.append(id(owner))

    def path(self, root: str) -> str:
        """Return the way to the value, from the name of the whole."""
        return root + "".join(reversed(self._steps))

    def cycle(self, root: str) -> tuple[str, str] | None:
        """Return the path at which a container is met again, and its first path."""
        first: dict[int, str] = {}
        path = root
        steps = zip(reversed(self._owners), reversed(self._steps), strict=True)
        for owner, step in steps:
            if owner in first:
                return path, first[owner]
            first[owner] = path
            path += step
        return None


class TooDeep(Refused):
    """The value is nested too deeply, perhaps because it contains itself."""


class TooLarge(Exception):
    """The text would be longer than allowed, wherever its parts are."""


def too_large(where: str, limit: int, size: int | None = None) -> SerializationError:
    """Return the error for a value of ``size`` bytes, or of more than the limit."""
    found = f"more than {limit:,}" if size is None else f"{size:,}"
    return SerializationError(
        where,
        f"its text has {found} bytes; the limit is {limit:,}",
        'Store it elsewhere and pass a reference, or raise DURABLE["MAX_VALUE_BYTES"].',
    )


def key_step(key: object) -> str:
    """Return the step of a path that a key of a dict makes."""
    text = json.dumps(key, ensure_ascii=False) if isinstance(key, str) else repr(key)
    return f"[{text if len(text) <= 80 else text[:79] + '…'}]"


def refusal(value: object) -> Refused:
    """Return the refusal of this value, with advice that fits its type."""
    return Refused(f"<{type(value).__name__}> cannot be stored", _advice(value))


def _advice(value: object) -> str:
    cls = type(value)
    return (
        _advice_for_django(cls)
        or _advice_for_classes(value)
        or _advice_for_live_objects(value)
        or _advice_for_containers(value)
        or f"Pass plain values, or make it a dataclass and {_REGISTER}."
    )


def _advice_for_django(cls: type) -> str:
    if hasattr(cls, "_meta") and hasattr(cls, "pk"):
        return f"Pass {cls.__name__.lower()}.pk and load the object where it is used."
    if hasattr(cls, "query") and hasattr(cls, "values_list"):
        return (
            "Pass a list of primary keys: list(queryset.values_list('pk', flat=True))."
        )
    if cls.__name__ == "__proxy__":
        return "Pass str() of the lazy text."
    return ""


def _advice_for_classes(value: object) -> str:
    if isinstance(value, type):
        return "Pass a name to look the class up by."
    if isinstance(value, Enum) or hasattr(type(value), "model_dump"):
        return f"{_REGISTER.capitalize()}."
    if dataclasses.is_dataclass(value):
        return f"{_REGISTER.capitalize()}."
    return ""


def _advice_for_live_objects(value: object) -> str:
    if isinstance(value, io.IOBase):
        return "Pass its path or its content."
    if isinstance(value, _FUNCTIONS):
        return "Pass what it returns, or a name to look it up by."
    if isinstance(value, (CoroutineType, asyncio.Future)):
        return "Await it and pass the result."
    if isinstance(value, BaseException):
        return "Pass str() of the error."
    if isinstance(value, ModuleType):
        return "Pass its name."
    if type(value).__module__.partition(".")[0] in _OF_THIS_PROCESS:
        return "It lives in this process only: make it inside the step that uses it."
    return ""


def _advice_for_containers(value: object) -> str:
    if isinstance(value, (GeneratorType, AsyncGeneratorType, Iterator)):
        return "Pass a list of what it yields."
    for plain in _PLAIN_TYPES:
        if isinstance(value, plain):
            return (
                f"Pass a plain {plain.__name__}, or a dataclass; for that, {_REGISTER}."
            )
    if isinstance(value, (bytearray, memoryview)):
        return "Pass bytes() of it."
    if isinstance(value, Iterable):
        return "Pass list() of it."
    return ""
