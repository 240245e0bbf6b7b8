"""Patterns of places in a value, such as ``password`` and ``card.*``.

The names of a pattern are the last ones of the path to a value, whatever comes
before them. ``*`` stands for any characters of one name; upper and lower case are
the same. The items of a list need no name: ``cards.number`` means the number of
each card of a list, and ``cards.*`` means each item of it as well.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache


def is_well_formed(pattern: object) -> bool:
    """Tell whether this is a pattern: names, with dots between them."""
    return isinstance(pattern, str) and all(name.strip() for name in pattern.split("."))


def check(patterns: object, owner: str) -> tuple[str, ...]:
    """Return patterns as a tuple; raise TypeError or ValueError for others."""
    if not isinstance(patterns, (list, tuple)):
        raise TypeError(f"{owner}: redact takes a list of patterns, not {patterns!r}.")
    for pattern in patterns:
        if not is_well_formed(pattern):
            raise ValueError(
                f"{owner}: redact holds {pattern!r}, which is no pattern such as"
                " 'password' or 'card.*'."
            )
    return tuple(patterns)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a value, and what of which pattern the path to it has met."""

    patterns: tuple[tuple[re.Pattern[str], ...], ...]
    met: frozenset[tuple[int, int]] = frozenset()

    @property
    def is_met(self) -> bool:
        """Tell whether a pattern ends here."""
        return any(len(self.patterns[index]) == names for index, names in self.met)

    def at(self, name: object) -> "Place":
        """Go on to what stands under a name."""
        begun = {(index, 0) for index in range(len(self.patterns))}
        return self._with(self._after(str(name), self.met | begun))

    def item(self, name: object) -> "Place":
        """Go on to an item of a list: its number may count as a name or not."""
        return self._with(self.met | self._after(str(name), self.met))

    def _after(
        self, name: str, met: Iterable[tuple[int, int]]
    ) -> frozenset[tuple[int, int]]:
        return frozenset(
            (index, names + 1)
            for index, names in met
            if names < len(self.patterns[index])
            and self.patterns[index][names].match(name)
        )

    def _with(self, met: frozenset[tuple[int, int]]) -> "Place":
        return Place(self.patterns, met)


@lru_cache(maxsize=256)
def place_of(patterns: tuple[str, ...]) -> Place:
    """Return the place of a whole value."""
    return Place(
        tuple(
            tuple(re.compile(translate(name), re.I) for name in pattern.split("."))
            for pattern in patterns
        )
    )
