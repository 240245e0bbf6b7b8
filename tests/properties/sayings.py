"""What programs say, and under which names.

Each line of a Side has names of its own, and whoever waits without a time-out is
told something for sure: so the outcome does not depend on who is faster.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Any

from tests.properties import nodes as n
from tests.properties.talk_nodes import Hear, Hearing, Saying, Tell

# Said in the first nodes of a child that its parent follows, and never again.
GREETING = 9
DEFAULT = 0  # What there is instead of a message.
NEVER = "never"  # An event that nobody sets.


def lane(path: str) -> str:
    """Return the line of a Side that a node belongs to."""
    head, dot, tail = path.rpartition(".")
    return f"{head}.{tail.partition('/')[0]}" if dot else ""


def topic(number: int, path: str) -> str | None:
    """Return the topic of messages to self."""
    return f"topic {number}{here}" if (here := lane(path)) or number else None


def address(node: Tell, workflow: str, path: str) -> tuple[str, str | None]:
    """Return where messages go, and their topic."""
    if node.to == "parent":
        return workflow.rpartition("/")[0], f"{workflow}{lane(path)}"
    return workflow if node.to == "self" else "nobody", topic(node.topic, path)


def event(number: int, path: str = "") -> str:
    """Return the key of an event."""
    return f"event {number}{lane(path)}"


def stream(number: int, path: str = "") -> str:
    """Return the key of a stream; lines side by side share the first one."""
    return f"stream {number}{lane(path) if number else ''}"


def things(node: Saying, path: str) -> list[Any]:
    """Return the values that are said, none of them twice."""
    count = getattr(node, "count", 1)
    return [[path, number, n.VALUES[node.value]] for number in range(count)]


def orders(program: n.Program) -> list[tuple[str, Any]]:
    """Return topics and messages that a program is told from above."""
    topics = enumerate(map(order_topic, _listening(program.nodes, "")))
    return [(name, ["order", number]) for number, name in topics]


def is_talk(program: Any) -> bool:
    """Tell whether a program, or a part of one, says or hears anything."""
    if isinstance(program, Saying | Hearing):
        return True
    if isinstance(program, tuple):
        return any(map(is_talk, program))
    return is_dataclass(program) and any(map(is_talk, vars(program).values()))


def order_topic(path: str) -> str:
    """Return the topic of what is told from above."""
    return f"order{lane(path)}"


def _listening(nodes: tuple[n.Node, ...], path: str) -> Iterator[str]:
    for number, node in enumerate(nodes):
        here = f"{path}/{number}"
        match node:
            case Hear(minutes=None):
                yield here
            case n.Guard():
                yield from _listening(node.body, here)
            case n.Ensure():
                yield from _listening(node.body, f"{here}+")
                yield from _listening(node.last, f"{here}-")
            case n.Branch():
                yield from _listening(node.then, f"{here}+")
                yield from _listening(node.otherwise, f"{here}-")
            case n.Child():
                yield from _listening(node.between, here)
            case n.Side():
                for line, nodes_of_line in enumerate(node.lines):
                    yield from _listening(nodes_of_line, f"{here}.{line}")
