"""Programs as values: what the generic workflow of these tests is told to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django_durable.serialization import register_type
from tests.properties.talk_nodes import Hearing, Saying

# What steps return. Falsy or truthy, of types that JSON does not have.
VALUES: tuple[Any, ...] = (
    0,
    "a\0b",
    None,
    (1, (2, [3])),
    {2},
    frozenset(),
    b"\xff",
    Decimal("1.10"),
    datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    timedelta(days=-1, microseconds=1),
    {1: "a", "1": "b"},
    -0.0,
)


@dataclass(frozen=True)
class Call:
    """A step of which the first ``fails`` tries fail; ``tries`` are allowed.

    ``kind`` is step, astep or transaction; that one writes ``rows`` lines.
    """

    kind: str = "step"
    value: int = 0
    fails: int = 0
    tries: int = 1
    rows: int = 1


@dataclass(frozen=True)
class Sleep:
    """A durable sleep."""

    minutes: int = 1


@dataclass(frozen=True)
class Draw:
    """A recorded random value, and a step that is given it."""


@dataclass(frozen=True)
class Fail:
    """The workflow's own code raises."""


@dataclass(frozen=True)
class Guard:
    """try: ``body``, except: go on."""

    body: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Ensure:
    """try: ``body``, finally: ``last``, which no unwinding may execute."""

    body: tuple[Node, ...] = ()
    last: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Branch:
    """Go one way or the other, by the previous result."""

    then: tuple[Node, ...] = ()
    otherwise: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Child:
    """Another program as a child.

    ``how``: it is called, started and awaited after ``between``, or forgotten. Its
    parent ``follows`` so many of its first nodes, which say something, waits for it
    in a race, and at last ``asks`` for its events.
    """

    program: Program
    how: str = "call"
    between: tuple[Node, ...] = ()
    follows: int = 0
    is_raced: bool = False
    asks: bool = False


@dataclass(frozen=True)
class Side:
    """Lines side by side; in a sync workflow each is one Call or called Child."""

    lines: tuple[tuple[Node, ...], ...] = ()


Node = (
    Call
    | Sleep
    | Draw
    | Fail
    | Guard
    | Ensure
    | Branch
    | Child
    | Side
    | Saying
    | Hearing
)


@dataclass(frozen=True)
class Program:
    """The body of a workflow."""

    is_async: bool = False
    nodes: tuple[Node, ...] = ()


for each in (Call, Sleep, Draw, Fail, Guard, Ensure, Branch, Child, Side, Program):
    register_type(each, name=f"properties.{each.__name__}")
