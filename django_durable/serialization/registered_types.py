"""Types of the project that may be stored: dataclasses, Enums, pydantic models.

A value is stored under the short name of its type and read by looking that name up
here. Nothing is ever imported by a name found in a text.
"""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum, Flag
from typing import Any, TypeVar, overload

from django.core.exceptions import ImproperlyConfigured

from django_durable.serialization.refusals import Refused

T = TypeVar("T", bound=type[Any])


class Fields(dict[str, object]):
    """The fields of a dataclass, so that a path says ``.field``."""


class RegisteredType(ABC):
    """One type: how its values come apart and together again."""

    def __init__(self, cls: Any, name: str) -> None:
        self.cls = cls
        self.name = name

    @abstractmethod
    def take_apart(self, value: Any) -> object:
        """Return what has to be stored, made of storable values."""

    @abstractmethod
    def put_together(self, payload: Any) -> object:
        """Return the value; any exception means that it cannot be read."""


class _Dataclass(RegisteredType):
    def __init__(self, cls: Any, name: str) -> None:
        super().__init__(cls, name)
        self._fields = [each for each in dataclasses.fields(cls) if each.init]

    def take_apart(self, value: Any) -> Fields:
        return Fields({each.name: getattr(value, each.name) for each in self._fields})

    def put_together(self, payload: dict[str, object]) -> object:
        self._refuse_removed(payload)
        self._refuse_missing(payload)
        return self.cls(**payload)

    def _refuse_removed(self, payload: dict[str, object]) -> None:
        names = {each.name for each in self._fields}
        if removed := sorted(payload.keys() - names):
            raise Refused(
                f"{self.name} was stored with {_quoted(removed)}, which the class "
                "does not have now",
                "Bring it back, with a default, until no stored value has it.",
            )

    def _refuse_missing(self, payload: dict[str, object]) -> None:
        needed = {
            each.name
            for each in self._fields
            if each.default is dataclasses.MISSING
            and each.default_factory is dataclasses.MISSING
        }
        if missing := sorted(needed - payload.keys()):
            raise Refused(
                f"{self.name} was stored without {_quoted(missing)}",
                "Give the new field a default.",
            )


class _Enum(RegisteredType):
    def take_apart(self, value: Any) -> str:
        return str(value.name)

    def put_together(self, payload: str) -> object:
        if payload not in self.cls.__members__:
            raise Refused(
                f"{self.name} has no member {payload!r} now",
                "Bring it back, perhaps as an alias of another member.",
            )
        return self.cls[payload]


class _Flag(RegisteredType):
    # A combination of members has no name that could be looked up.
    def take_apart(self, value: Any) -> int:
        return int(value.value)

    def put_together(self, payload: int) -> object:
        return self.cls(payload)


class _PydanticModel(RegisteredType):
    def take_apart(self, value: Any) -> object:
        return value.model_dump(by_alias=True, round_trip=True)

    def put_together(self, payload: object) -> object:
        return self.cls.model_validate(payload)


def _quoted(names: list[str]) -> str:
    noun = "field" if len(names) == 1 else "fields"
    return f"the {noun} {', '.join(map(repr, names))}"


_by_name: dict[str, RegisteredType] = {}
_by_class: dict[type, RegisteredType] = {}


def registered_class(cls: type) -> RegisteredType | None:
    """Return the entry that writes values of exactly this class, if there is one."""
    return _by_class.get(cls)


def registered_name(name: str) -> RegisteredType:
    """Return the entry that reads what was stored under this short name."""
    if entry := _by_name.get(name):
        return entry
    raise Refused(
        f"no type is registered as {name!r}",
        "Register it with durable.register_type in a module that every process "
        "imports, such as the one that defines the workflow.",
    )


@overload
def register_type(cls: T, *, name: str | None = None) -> T: ...
@overload
def register_type(cls: None = None, *, name: str | None = None) -> Callable[[T], T]: ...
def register_type(
    cls: T | None = None, *, name: str | None = None
) -> T | Callable[[T], T]:
    """Let values of this class be stored; return the class. Also a decorator.

    ``cls`` is a dataclass, an Enum or a pydantic model. Its values are stored under
    a short name, ``name`` or the name of the class, that has to stay the same as
    long as stored values exist. Registered under several names, a class is written
    under the first and read under each.

    A dataclass is rebuilt from the fields of its ``__init__``; a field added later
    needs a default. An Enum is stored by the names of its members, a Flag by value.

    Raise TypeError for any other class, and ImproperlyConfigured for a short name
    that another class has already.
    """
    if cls is None:
        return lambda decorated: register_type(decorated, name=name)
    entry = _entry(cls, name)
    known = _by_name.get(entry.name)
    if known and not _is_same_place(known.cls, cls):
        raise ImproperlyConfigured(
            f"{cls.__module__}.{cls.__qualname__} cannot be registered as "
            f"{entry.name!r}: {known.cls.__module__}.{known.cls.__qualname__} has that "
            "name. Give one of them another with register_type(name=...)."
        )
    _by_name[entry.name] = entry
    _by_class.setdefault(cls, entry)
    return cls


def _is_same_place(known: type, new: type) -> bool:
    """Say whether one class replaces the other, as when its module is reloaded."""
    return (known.__module__, known.__qualname__) == (new.__module__, new.__qualname__)


def _entry(cls: Any, name: str | None) -> RegisteredType:
    if not isinstance(cls, type):
        raise TypeError(f"register_type() takes a class, not {cls!r}.")
    name = name or cls.__name__
    if issubclass(cls, Flag):
        return _Flag(cls, name)
    if issubclass(cls, Enum):
        return _Enum(cls, name)
    if hasattr(cls, "model_dump") and hasattr(cls, "model_validate"):
        return _PydanticModel(cls, name)
    # A subclass inherits the mark of its parent, but not the decoration.
    if "__dataclass_fields__" in vars(cls):
        return _Dataclass(cls, name)
    raise TypeError(
        f"{cls.__qualname__} is no dataclass, Enum or pydantic model. "
        "Place @register_type above @dataclass, or pass plain values instead."
    )
