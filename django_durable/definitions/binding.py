"""What workflow and step definitions share: they stand in for a function."""

import copy
import functools
import inspect
import types
from collections.abc import Callable
from typing import Any, TypeVar

# What binds to an instance or class; bound methods and callables do not.
_UNBOUND = (types.FunctionType, classmethod, staticmethod)

Self = TypeVar("Self", bound="FunctionStandIn")


class FunctionStandIn:
    """Wraps a function, a static or class method, and binds like one."""

    def __init__(self, function: Any, name: str | None) -> None:
        inner = getattr(function, "__func__", function)
        if not callable(inner):
            raise TypeError(f"A durable function must be callable, not {function!r}.")
        functools.update_wrapper(self, inner)  # type: ignore[arg-type]
        self.func: Any = function
        self.name = name if name is not None else default_name(inner)
        self.is_async = is_async_function(inner)
        if not isinstance(self.name, str) or not self.name.strip():
            raise TypeError(f"name must be a non-empty string, not {name!r}.")

    def __get__(self: Self, instance: Any, owner: type | None = None) -> Self:
        """Bind as the function would: methods keep working as durable calls."""
        if not isinstance(self.func, _UNBOUND):
            return self
        bound = self.func.__get__(instance, owner)
        if bound is self.func:
            return self
        twin = copy.copy(self)
        twin.func = bound
        return twin

    @property
    def inner(self) -> Callable[..., Any]:
        """The plain function under static, class and bound methods."""
        return getattr(self.func, "__func__", self.func)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"


def default_name(function: Any) -> str:
    """Return ``module.qualname`` of a callable."""
    function = _unwrapped(function)
    qualname = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{getattr(function, '__module__', '?')}.{qualname}"


def is_async_function(function: Any) -> bool:
    """Tell whether calling ``function`` gives a coroutine."""
    function = _unwrapped(function)
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        raise TypeError(
            f"{default_name(function)} is a generator: a durable function returns"
            " one value. Return a list, or write to a stream."
        )
    if inspect.iscoroutinefunction(function):
        return True
    return inspect.iscoroutinefunction(type(function).__call__)


def _unwrapped(function: Any) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    return function
