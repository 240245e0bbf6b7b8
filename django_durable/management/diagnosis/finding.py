"""What a look has found."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

Level: TypeAlias = Literal["ok", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is as it should be, or not, and what helps."""

    level: Level
    what: str
    message: str
    hint: str = ""


Look: TypeAlias = Callable[[str], Iterator[Finding]]
"""Looks at one part, given the alias of the database."""
