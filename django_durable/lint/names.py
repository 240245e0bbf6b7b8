"""What names stand for: modules, classes, functions, found without running any code."""

import sys
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from django.db.models.base import ModelBase
from django.db.models.manager import BaseManager, ManagerDescriptor

from django_durable.definitions.binding import FunctionStandIn
from django_durable.definitions.decorators import step, transaction, workflow
from django_durable.definitions.operations import arun_step, run_step
from django_durable.lint.functions import CALLERS, OBJECTS, RULES
from django_durable.lint.methods import MANAGER

# What makes a step of the function it is given.
STEP_MAKERS = (step, transaction, run_step, arun_step)

_NOTHING: Any = object()
_NAMED = (type, FunctionType, BuiltinFunctionType, MethodType)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an expression stands for: a dotted path, and the value if there is one.

    ``is_instance``: an instance of the class that is the value.
    """

    path: str
    value: Any = _NOTHING
    is_instance: bool = False

    @property
    def is_durable(self) -> bool:
        """Tell whether it is a step or a workflow."""
        return issubclass(type(self.value), FunctionStandIn)

    @property
    def is_manager(self) -> bool:
        """Tell whether it is a manager or a queryset."""
        return self.path == MANAGER

    @property
    def is_class(self) -> bool:
        """Tell whether it is a class."""
        return not self.is_instance and issubclass(type(self.value), type)


class Catalogue:
    """Recognises what the rules name, whatever name it is imported under."""

    def __init__(self) -> None:
        # The objects are kept with their paths: a freed id could be used again.
        self._known: dict[int, tuple[str, Any]] = {}
        for function in (*STEP_MAKERS, workflow):
            path = f"django_durable.{function.__name__}"
            self._known[id(function)] = (path, function)
        for path in (*RULES, *OBJECTS, *CALLERS):
            for name, value in _objects_along(path):
                self._known.setdefault(id(value), (name, value))

    def meaning_of(self, value: Any, fallback: str = "") -> Meaning:
        """Return the meaning of a value; ``fallback`` names what has no name."""
        known = self._known.get(id(value))
        if known is not None:
            return Meaning(known[0], value)
        kind = type(value)
        if issubclass(kind, ModuleType):
            return Meaning(str(_space(value).get("__name__", fallback)), value)
        if issubclass(kind, _NAMED):
            module, name = value.__module__, value.__qualname__
            return Meaning(f"{module}.{name}" if module else fallback, value)
        return Meaning(fallback, value)

    def attribute(self, owner: Meaning, name: str) -> Meaning | None:
        """Return the meaning of an attribute, None when nothing is known of it."""
        if owner.is_manager:
            return _method_of_manager(owner, name)
        if owner.value is _NOTHING:
            return Meaning(f"{owner.path}.{name}")
        if issubclass(type(owner.value), ModuleType):
            return self._of_module(owner, name)
        if owner.is_instance or owner.is_class:
            return self._of_class(owner, name)
        kind = Meaning("", type(owner.value), is_instance=True)
        return self._of_class(kind, name)

    def _of_module(self, owner: Meaning, name: str) -> Meaning:
        path = f"{owner.path}.{name}"
        value = _space(owner.value).get(name, _NOTHING)
        if value is not _NOTHING:
            return self.meaning_of(value, path)
        return Meaning(path)

    def _of_class(self, owner: Meaning, name: str) -> Meaning | None:
        is_model = issubclass(type(owner.value), ModelBase)
        base, value = _member(owner.value, name)
        if is_model and not owner.is_instance and _is_manager(name, value):
            return Meaning(MANAGER, _class_of_manager(value))
        if value is _NOTHING:
            return None
        inner = getattr(value, "__func__", value)
        if is_model and f"django.db.models.Model.{name}" in RULES:
            return Meaning(f"django.db.models.Model.{name}", inner)
        known = self._known.get(id(value))
        path = known[0] if known else f"{self.meaning_of(base).path}.{name}"
        return Meaning(path, inner)


def _objects_along(path: str) -> list[tuple[str, Any]]:
    """Return the objects on a dotted path below its module, if it is imported."""
    module, _, rest = path.rpartition(".")
    names = [rest]
    while module and module not in sys.modules:
        module, _, rest = module.rpartition(".")
        names.insert(0, rest)
    found: list[tuple[str, Any]] = []
    value: Any = sys.modules.get(module, _NOTHING)
    for name in names:
        if issubclass(type(value), type):
            value = _member(value, name)[1]
        elif issubclass(type(value), ModuleType):
            value = _space(value).get(name, _NOTHING)
        else:
            value = _NOTHING
        if value is _NOTHING:
            break
        module = f"{module}.{name}"
        found.append((module, value))
    return found


def _space(module: Any) -> dict[str, Any]:
    # Not vars(): a module that is loaded at its first use would be loaded now.
    return object.__getattribute__(module, "__dict__")  # type: ignore[no-any-return]


def _member(cls: type, name: str) -> tuple[Any, Any]:
    for base in cls.__mro__:
        if name in vars(base):
            return base, vars(base)[name]
    return None, _NOTHING


def _is_manager(name: str, value: Any) -> bool:
    usual = ("objects", "_default_manager", "_base_manager")
    return issubclass(type(value), ManagerDescriptor) or name in usual


def _class_of_manager(value: Any) -> Any:
    if issubclass(type(value), ManagerDescriptor):
        return type(value.manager)
    return BaseManager


def _method_of_manager(manager: Meaning, name: str) -> Meaning:
    """Return a method of a manager or queryset, which may be a step."""
    queryset = getattr(manager.value, "_queryset_class", manager.value)
    for cls in (manager.value, queryset):
        found = Meaning("", _member(cls, name)[1])
        if found.is_durable:
            return found
    return Meaning(f"{MANAGER}.{name}", queryset)
