"""Calls kept for later: what ``gather`` runs side by side."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BoundCall(Generic[T]):
    """A step or child workflow with its arguments, not called yet."""

    function: Callable[..., T]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self) -> T:
        """Make the call."""
        return self.function(*self.args, **self.kwargs)
