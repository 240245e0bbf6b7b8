"""What happens to the processes that perform a program, and when."""

from dataclasses import dataclass
from typing import Literal

Act = Literal[
    *("crash before", "crash after", "expire", "outlive", "switch"),
    *("cancel", "resume", "stop", "tell"),
]


@dataclass(frozen=True)
class Event:
    """Something that happens ``after`` so many points of the process that runs.

    Points of its work count, not what it does to find some; or those ``anywhere``.

    *crash*: it dies, ``within`` so many points more, before or after that one.
    *expire*: its lease runs out; it stands still, and another one takes over.
    *outlive*: the same, but ``within`` points of the other one's work later it goes on.
    *switch*: it stands still, and the next one goes on, or a new one begins.
    *cancel*, *resume*: somebody does that to the root. *stop*: it hands over.
    *tell*: somebody sends the root the next message that it listens for; where it
    listens for nothing more, this is a *switch*.
    """

    act: Act
    after: int = 0
    within: int = 0
    anywhere: bool = False


Schedule = tuple[Event, ...]
