"""Exceptions as data: what a step or workflow raised, stored and raised again.

A failure is rebuilt as itself where this process has its class loaded already and
everything in it could be stored. Nothing is imported, and no ``__init__`` of the
project is called. Any other failure becomes what the caller's fallback makes of its
type, message and traceback.
"""

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from types import MemberDescriptorType
from typing import Any

from django.utils.functional import Promise

from django_durable.exceptions import SerializationError, Unwind
from django_durable.serialization import JSONSerializer, register_type
from django_durable.serialization.reading import from_json
from django_durable.serialization.writing import to_json

Fallback = Callable[[str, str, str], BaseException]
"""Makes an exception of the error's type, its message and its traceback text."""

# In characters. The limits are not settings: storing a failure must never fail.
_TEXT_LIMIT = 16 * 1024
_NOTE_LIMIT = 2 * 1024
_STATE_LIMIT = 1024 * 1024
_MOST_NOTES = 20
_MOST_EXCEPTIONS = 200

# What the constructors of builtin exceptions keep elsewhere than in args.
_EXTRAS: dict[type[BaseException], tuple[str, ...]] = {
    AttributeError: ("name",),
    ImportError: ("name", "path"),
    NameError: ("name",),
    OSError: ("filename", "filename2"),
}


def dump_exception(exc: BaseException) -> str:
    """Return the exception as text; never raise, whatever the exception does.

    The text has type, message, notes, cause and traceback, the long ones cut; and
    the state to rebuild the exception from, if all of that could be stored.
    """
    failure = {
        "type": _type_name(exc),
        "message": _message(exc),
        "notes": _attempt(lambda: _notes(exc), []),
        "cause": _attempt(lambda: _cause(exc), None),
        "traceback": _attempt(lambda: _traceback(exc), ""),
        "state": _attempt(lambda: _state(exc), None),
    }
    return "json:" + to_json(failure, sys.maxsize)


@lru_cache(maxsize=1024)
def dump_refusal(kind: Callable[..., BaseException], *args: str) -> str:
    """Return ``kind(*args)`` as text, for an error that nobody has raised yet."""
    return dump_exception(kind(*args))


def load_exception(text: str, *, fallback: Fallback) -> BaseException:
    """Return the exception that dump_exception() stored, with its notes.

    It has its own class if that is loaded in this process and the whole state was
    stored; else it is what ``fallback`` returns. Raise SerializationError for a
    text that holds no exception.
    """
    failure = _parse(text)
    rebuilt = _rebuilt(failure["state"]) if failure.get("state") else None
    if rebuilt is not None:
        return rebuilt
    substitute = fallback(
        failure["type"], failure["message"], failure.get("traceback", "")
    )
    for note in failure.get("notes", ()):
        substitute.add_note(str(note))
    return substitute


def describe(text: str) -> tuple[str, str]:
    """Return type (``"module:Class"``) and message of a stored exception.

    For displays, so it does not raise: a text that holds no exception is answered
    with ``"unknown"`` and the text's beginning.
    """
    failure = parts_of(text)
    if failure is None:
        return "unknown", text[:200]
    return failure["type"], failure["message"]


def parts_of(text: str) -> dict[str, Any] | None:
    """Return all that is stored of an exception, None for a text that holds none."""
    try:
        return _parse(text)
    except SerializationError:
        return None


def _parse(text: str) -> dict[str, Any]:
    name, _, body = text.partition(":")
    where = "stored exception"
    failure = JSONSerializer().loads(body, where) if name == "json" else None
    if not isinstance(failure, dict) or not (
        isinstance(failure.get("type"), str)
        and isinstance(failure.get("message"), str)
        and isinstance(failure.get("notes", []), list)
        and isinstance(failure.get("traceback", ""), str)
    ):
        raise SerializationError(where, "the stored text holds no exception")
    return failure


# Taking apart. The exception's class may raise anything from any of its methods.


def _attempt(call: Callable[[], Any], otherwise: Any) -> Any:
    try:
        return call()
    # Even SystemExit: here it comes from the exception that is to be stored.
    except BaseException:
        return otherwise


def _type_name(exc: BaseException) -> str:
    cls = type(exc)
    return str(_attempt(lambda: f"{cls.__module__}:{cls.__qualname__}", "unknown"))


def _message(exc: BaseException) -> str:
    text = _attempt(lambda: _plain(str(exc)), "<its message cannot be shown>")
    return _head(text, _TEXT_LIMIT)


def _plain(text: str) -> str:
    # str() keeps a subclass, such as SafeString, as it is.
    return str.__str__(text)


def _head(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _notes(exc: BaseException) -> list[str]:
    notes = getattr(exc, "__notes__", [])
    return [_head(_plain(str(note)), _NOTE_LIMIT) for note in notes[:_MOST_NOTES]]


def _cause(exc: BaseException) -> dict[str, str] | None:
    cause = exc.__cause__
    if cause is None and not exc.__suppress_context__:
        cause = exc.__context__
    if cause is None:
        return None
    return {"type": _type_name(cause), "message": _message(cause)}


def _traceback(exc: BaseException) -> str:
    text = "".join(traceback.format_exception(exc))
    return text if len(text) <= _TEXT_LIMIT else "…" + text[1 - _TEXT_LIMIT :]


def _state(exc: BaseException) -> str:
    taken = _Taken()
    taken.exception(exc)
    return to_json(taken.parts, _STATE_LIMIT)


@register_type(name="$exception")
@dataclass(frozen=True, slots=True)
class _Reference:
    """Stands for an exception inside another one's state, perhaps for itself."""

    index: int


class _Taken:
    """The state of an exception and of those in it: one part for each."""

    def __init__(self) -> None:
        self.parts: list[dict[str, object]] = []
        self._references: dict[int, _Reference] = {}

    def exception(self, exc: BaseException) -> _Reference:
        if reference := self._references.get(id(exc)):
            return reference
        if len(self.parts) == _MOST_EXCEPTIONS:
            raise ValueError("too many exceptions in one")
        reference = self._references[id(exc)] = _Reference(len(self.parts))
        part: dict[str, object] = {"type": _type_name(exc), "extras": _extras(exc)}
        self.parts.append(part)
        part["args"] = self.value(exc.args)
        part["attributes"] = self.value(vars(exc))
        part["slots"] = self.value(_slots(exc))
        return reference

    def value(self, value: Any) -> Any:
        if isinstance(value, BaseException):
            return self.exception(value)
        if isinstance(value, Promise):
            # Django's lazy translations are everywhere in its ValidationErrors.
            return _plain(str(value))
        return _map_contents(self.value, value)


def _map_contents(change: Callable[[Any], Any], value: Any) -> Any:
    """Return the value with its contents changed, if it is a plain container."""
    if type(value) is dict:
        return {change(key): change(item) for key, item in value.items()}
    if type(value) is list or type(value) is tuple:
        return type(value)(map(change, value))
    return value


def _extras(exc: BaseException) -> dict[str, object]:
    found = {name: member.__get__(exc) for name, member in _extra_members(type(exc))}
    for name, value in found.items():
        if isinstance(value, os.PathLike):
            found[name] = os.fspath(value)
    # These are a help to the reader, so one that is not simple may be missing.
    return {name: each for name, each in found.items() if type(each) in (str, bytes)}


def _extra_members(cls: type) -> Iterator[tuple[str, Any]]:
    for base, names in _EXTRAS.items():
        if issubclass(cls, base):
            yield from ((name, getattr(base, name)) for name in names)


def _slots(exc: BaseException) -> dict[str, object]:
    found = {}
    for name, member in _slot_members(type(exc)):
        try:
            found[name] = member.__get__(exc)
        except AttributeError:
            continue
    return found


def _slot_members(cls: type) -> Iterator[tuple[str, MemberDescriptorType]]:
    for base in cls.__mro__:
        if "__slots__" in vars(base):
            for name, member in vars(base).items():
                if isinstance(member, MemberDescriptorType):
                    yield f"{base.__qualname__}.{name}", member


# Putting together.


def _rebuilt(state: str) -> BaseException | None:
    try:
        return _Rebuilder(from_json(state)).exception(0)
    # A __new__ method of the project may run, on args of another version of it.
    except Exception:
        return None


class _Rebuilder:
    """Makes exceptions of their parts; any error means that it cannot be done."""

    def __init__(self, parts: list[dict[str, Any]]) -> None:
        self._parts = parts
        self._made: dict[int, BaseException] = {}

    def exception(self, index: int) -> BaseException:
        if index in self._made:
            return self._made[index]
        part = self._parts[index]
        # Made before its attributes, which may refer to it, but after its args: one
        # that is among its own args ends in a RecursionError.
        args = self.value(part["args"])
        exc = self._made[index] = _new(_loaded_class(part["type"]), args)
        vars(exc).update(self.value(part["attributes"]))
        slots, extras = self.value(part["slots"]), part["extras"]
        _set_members(exc, slots, _slot_members(type(exc)))
        _set_members(exc, extras, _extra_members(type(exc)))
        return exc

    def value(self, value: Any) -> Any:
        if isinstance(value, _Reference):
            return self.exception(value.index)
        return _map_contents(self.value, value)


def _loaded_class(name: str) -> type[BaseException]:
    """Return the class, if a module that is loaded has it; else raise LookupError."""
    module_name, _, path = name.partition(":")
    found: Any = sys.modules[module_name]
    for part in path.split("."):
        # Not getattr(): the module may define __getattr__, and import.
        found = vars(found)[part]
    if not isinstance(found, type) or not issubclass(found, BaseException):
        raise LookupError(f"{name} is no exception class")
    if issubclass(found, Unwind):
        raise LookupError(f"{name} belongs to the executor")
    return found


def _new(cls: type[BaseException], args: tuple[Any, ...]) -> BaseException:
    exc = cls.__new__(cls, *args)
    if type(exc) is not cls:
        raise TypeError(f"{cls.__qualname__}.__new__() returned another class")
    builtin = next(base for base in cls.__mro__ if base.__module__ == "builtins")
    # It sets what only C code can: errno, the range of a UnicodeError.
    with suppress(TypeError, ValueError):
        builtin.__init__(exc, *args)  # type: ignore[misc]
    exc.args = args
    return exc


def _set_members(
    exc: BaseException,
    values: dict[str, object],
    members: Iterator[tuple[str, Any]],
) -> None:
    for name, member in members:
        if name in values:
            member.__set__(exc, values[name])
