"""What a claim answers: what it took, and what limits have kept from it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Claimed:
    """What an execution knows of the row that it has taken."""

    id: str
    name: str
    version: str
    inputs: str
    claim: int
    deadline: datetime | None = None
    parent_id: str | None = None
    queue_name: str = ""
    traceparent: str | None = None
    # Only so many of its queue are executed at once.
    is_limited: bool = False

    @property
    def is_first(self) -> bool:
        """Tell whether no execution can have recorded anything before this one."""
        return self.claim == 1


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A queue of which a claim has left something, or may have, for its limits.

    ``is_busy``: somebody else was claiming from it. ``is_full``: as many are
    executed as may be. ``free_at``: when its rate lets the next one start.
    """

    queue_name: str
    is_busy: bool = False
    is_full: bool = False
    free_at: datetime | None = None


class Taking(list[Claimed]):
    """The workflows that a claim has taken; and what was ``held_back``.

    ``has_met_limits``: there was something in a queue with limits. Who claims again
    soon should say so, which saves a statement.
    """

    def __init__(
        self,
        rows: Iterable[Claimed] = (),
        held_back: Sequence[HeldBack] = (),
        has_met_limits: bool = False,
    ) -> None:
        super().__init__(rows)
        self.held_back = held_back
        self.has_met_limits = has_met_limits

    @property
    def is_disturbed(self) -> bool:
        """Tell whether it had to pass over what somebody else was claiming from."""
        return any(held.is_busy for held in self.held_back)
