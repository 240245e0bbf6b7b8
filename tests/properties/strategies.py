"""Random programs and schedules, the simple ones first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar, get_args

from hypothesis import strategies as st

from tests.properties import nodes as n
from tests.properties.schedules import Act, Event
from tests.properties.talk_strategies import Speaker

T = TypeVar("T")

MOST_NODES = 8
DEEPEST = 3

# Failing tries and allowed tries. Where nobody catches it, failing is rare.
CALM = [*[(0, 1)] * 5, (1, 2), (1, 2), (0, 3), (2, 3), (1, 1)]
WILD = [(0, 1), (1, 2), (1, 1), (2, 2)]


@st.composite
def programs(draw: Callable[[st.SearchStrategy[T]], T]) -> n.Program:
    """Return programs of at most eight nodes, those of children included."""
    return _Author(draw).program(draw(st.booleans()), DEEPEST)


@st.composite
def schedules(draw: Callable[[st.SearchStrategy[T]], T]) -> tuple[Event, ...]:
    """Return what happens to the processes of one program."""
    # Not lists(): after a large program nearly all of them would be short.
    count = draw(st.sampled_from([1, 2, 3, 2, 1, 4, 6]))
    return tuple(draw(_EVENTS) for _ in range(count))


_EVENTS = st.builds(
    Event,
    st.sampled_from([*get_args(Act), "outlive", "tell"]),
    st.integers(0, 8) | st.integers(0, 25),
    st.integers(0, 15),
    st.sampled_from([False, False, True]),
)


class _Author:
    """Writes one program."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self._draw = draw
        self._left = MOST_NODES
        self._guards = 0
        # Programs of everything would hear little of what they say.
        self._is_talkative = draw(st.sampled_from([True, False, True]))
        self._speaker = Speaker(draw)
        self._simple = [self.step, self.transaction, self.sleep, self.draw]
        self._large = [
            self.child,
            self.child,
            self.guard,
            self.side,
            self.ensure,
            self.branch,
        ]

    def program(self, is_async: bool, depth: int) -> n.Program:
        return n.Program(is_async, self._block(is_async, depth))

    def _block(self, is_async: bool, depth: int, most: int = 3) -> tuple[n.Node, ...]:
        most = min(self._left, most if depth < DEEPEST else 4)
        wanted, nodes = self._draw(st.integers(min(1, most), most)), []
        while len(nodes) < wanted and self._left:
            nodes.append(self._node(is_async, depth))
        return tuple(nodes)

    def _node(self, is_async: bool, depth: int) -> n.Node:
        self._left -= 1
        makers = [*self._simple[:2], *self._simple, *[self.fail] * bool(self._guards)]
        if self._is_talkative:
            makers = [*self._simple[:3], *self._speaker.makers]
        if depth and self._left:
            makers += self._large
        return self._draw(st.sampled_from(makers))(is_async, depth - 1)

    def step(self, is_async: bool, depth: int) -> n.Call:
        kinds = ["step", "astep"] if is_async else ["step"]
        return self._call(self._draw(st.sampled_from(kinds)), 1)

    def transaction(self, is_async: bool, depth: int) -> n.Call:
        return self._call("transaction", self._draw(st.integers(1, 2)))

    def _call(self, kind: str, rows: int) -> n.Call:
        value = self._draw(st.integers(0, len(n.VALUES) - 1))
        fails = self._draw(st.sampled_from(WILD if self._guards else CALM))
        return n.Call(kind, value, *fails, rows)

    def sleep(self, is_async: bool, depth: int) -> n.Sleep:
        return n.Sleep(self._draw(st.sampled_from([1, 60, 0])))

    def draw(self, is_async: bool, depth: int) -> n.Draw:
        return n.Draw()

    def fail(self, is_async: bool, depth: int) -> n.Fail:
        return n.Fail()

    def guard(self, is_async: bool, depth: int) -> n.Guard:
        self._guards += 1
        body = self._block(is_async, depth)
        self._guards -= 1
        return n.Guard(body)

    def ensure(self, is_async: bool, depth: int) -> n.Ensure:
        body = self._block(is_async, depth, 2)
        return n.Ensure(body, self._block(is_async, depth, 2))

    def branch(self, is_async: bool, depth: int) -> n.Branch:
        then = self._block(is_async, depth, 2)
        return n.Branch(then, self._block(is_async, depth, 2))

    def child(self, is_async: bool, depth: int) -> n.Child:
        how = self._draw(st.sampled_from(["call", "start", "forget", "start"]))
        # Sync code cannot call an async child.
        is_free = is_async or how != "call"
        is_child_async = is_free and self._draw(st.booleans())
        with self._speaker.child(is_told=how != "call"):
            if how != "start":
                return n.Child(self.program(is_child_async, depth), how)
            first = ()
            if self._is_talkative:
                first = self._speaker.greetings(is_child_async, self._left)
            self._left -= len(first)
            program = self.program(is_child_async, depth)
        program = replace(program, nodes=(*first, *program.nodes))
        between = self._block(is_async, 0, 2)
        is_raced, asks = self._draw(st.booleans()), self._draw(st.booleans())
        return n.Child(program, how, between, len(first), is_raced, asks)

    def side(self, is_async: bool, depth: int) -> n.Side:
        count = self._draw(st.integers(1, 3))
        lines = [self._line(is_async, depth) for _ in range(count)]
        return n.Side(tuple(line for line in lines if line))

    def _line(self, is_async: bool, depth: int) -> tuple[n.Node, ...]:
        if is_async:
            with self._speaker.line():
                return self._block(is_async, depth, 3)
        if not self._left:
            return ()
        self._left -= 1
        is_child = depth and self._left and self._draw(st.booleans())
        if is_child:
            with self._speaker.child(is_told=False):
                return (n.Child(self.program(False, depth - 1)),)
        return (self._draw(st.sampled_from([self.step, self.transaction]))(False, 0),)
