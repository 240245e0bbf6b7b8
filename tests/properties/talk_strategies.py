"""Random sayings and hearings: mostly, what is heard was said before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from hypothesis import strategies as st

from tests.properties import nodes as n, talk_nodes as t
from tests.properties.sayings import GREETING

MANNERS = ["body", "body", "step", "transaction"]
ASYNC_MANNERS = [*MANNERS, "astep"]
VALUES = st.integers(0, len(n.VALUES) - 1)
NAMES = st.integers(0, 1)
MINUTES = st.sampled_from([1, 60, 0])


class Speaker:
    """Writes nodes of the program that its author is at."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self._draw = draw
        self._has_parent = False
        self._is_told = True
        self._is_beside = False
        self._said: list[tuple[str, int]] = []

    @contextmanager
    def child(self, *, is_told: bool) -> Iterator[None]:
        """Write for a child; ``is_told`` says whether its parent can send to it."""
        outer = self._has_parent, self._is_told
        self._has_parent, self._is_told = True, is_told
        with self._elsewhere(is_beside=False):
            yield
        self._has_parent, self._is_told = outer

    @contextmanager
    def line(self) -> Iterator[None]:
        """Write for a line beside others."""
        with self._elsewhere(is_beside=True):
            yield

    @contextmanager
    def _elsewhere(self, *, is_beside: bool) -> Iterator[None]:
        outer = self._is_beside, self._said
        self._is_beside, self._said = is_beside, []
        yield
        self._is_beside, self._said = outer

    @property
    def makers(self) -> list[Any]:
        """Return what can write a node now."""
        hearing = [self.hear, self.race, self.read] * 2 if self._said else []
        return [self.tell, self.announce, self.write, self.hear, *hearing]

    def tell(self, is_async: bool, depth: int = 0) -> t.Tell:
        others = ["parent"] if self._has_parent else []
        to = self._draw(st.sampled_from([*["self"] * 6, *others * 2, "nobody"]))
        count = self._draw(st.integers(1, 2))
        how, fails = self._manner(is_async, "many")
        topic = self._draw(NAMES)
        if to == "self":
            self._said += [("message", topic)] * 2
        return t.Tell(self._draw(VALUES), count, to, topic, how, fails)

    def announce(self, is_async: bool, depth: int = 0) -> t.Announce:
        how, fails = self._manner(is_async)
        overwrite = self._draw(st.booleans())
        key = self._any("event")
        self._said.append(("event", key))
        return t.Announce(self._draw(VALUES), key, overwrite, how, fails)

    def write(self, is_async: bool, depth: int = 0) -> t.Write:
        how, fails = self._manner(is_async)
        # The first one is shared by lines, hence nobody ends it.
        stream = self._draw(st.sampled_from([1, 1, 0]))
        closes = self._draw(st.booleans()) and stream > 0
        count = self._draw(st.integers(0 if closes else 1, 2))
        self._said.append(("stream", stream))
        return t.Write(self._draw(VALUES), count, stream, closes, how, fails)

    def hear(self, is_async: bool, depth: int = 0) -> t.Hear:
        if self._is_told and self._draw(st.booleans()):
            return t.Hear(minutes=None)
        has_default = self._draw(st.booleans())
        return t.Hear(self._any("message"), self._draw(MINUTES), has_default)

    def race(self, is_async: bool, depth: int = 0) -> t.Race:
        names = self._any("message"), self._any("event")
        return t.Race(*names, self._draw(MINUTES))

    def read(self, is_async: bool, depth: int = 0) -> t.Read:
        what = ["event", "stream", *["events"] * (not self._is_beside)]
        what += [kind for kind, _ in self._said if kind in what]
        chosen = self._draw(st.sampled_from(what))
        number = 1 if chosen == "stream" else self._any("event")
        return t.Read(chosen, number, self._draw(MINUTES))

    def _any(self, kind: str) -> int:
        """Return a name, rather one that was used before."""
        said = [number for what, number in self._said if what == kind]
        return self._draw(st.sampled_from([*said, *said, *said, 0, 1]))

    def greetings(self, is_async: bool, most: int) -> tuple[t.Saying, ...]:
        """Return what a child says first, for a parent that follows it."""
        kinds = self._draw(st.sampled_from(["", "", "t", "a", "w", "ta", "wt"]))
        return tuple(self._greeting(is_async, kind) for kind in kinds[:most])

    def _greeting(self, is_async: bool, kind: str) -> t.Saying:
        how, fails = self._manner(is_async)
        said = {"how": how, "fails": fails, "value": self._draw(VALUES)}
        if kind == "t":
            return t.Tell(to="parent", **said)
        if kind == "a":
            return t.Announce(key=GREETING, **said)
        return t.Write(stream=GREETING, **said)

    def _manner(self, is_async: bool, *others: str) -> tuple[str, int]:
        manners = ASYNC_MANNERS if is_async else MANNERS
        how = self._draw(st.sampled_from([*manners, *others]))
        is_wild = how not in ("body", "many") and self._draw(st.booleans())
        return how, int(is_wild)
