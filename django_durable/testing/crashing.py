"""A process that dies at a chosen write, played on the test's own thread."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeVar

from django_durable.definitions.context import current_frame
from django_durable.testing.host import Crash

T = TypeVar("T")
When = Literal["before", "after"]

WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE", "WITH")


class Crasher:
    """Kills its process at the ``at``-th write from 1, never when that is None.

    Points are the statements that write, and the commits. What is dead does
    nothing more: every later statement of its code raises Crash.
    """

    def __init__(self, at: int | None = None, when: When = "before") -> None:
        self.at = at
        self.when = when
        self.points: list[str] = []
        self.has_struck = False
        self.is_dead = False

    def __str__(self) -> str:
        reached = self.points[: self.at]
        return f"a crash {self.when} write {self.at}, {reached[-1] if reached else '-'}"

    def point(self, label: str, run: Callable[[], T], drop: Callable[[], object]) -> T:
        """Write, or die before or after it; ``drop`` is what the server then does."""
        self.check()
        self.points.append(label + _place())
        is_here = len(self.points) == self.at
        if is_here and self.when == "before":
            self._die(drop)
        result = run()
        if is_here:
            self._die(drop)
        return result

    def check(self) -> None:
        """Let no dead process go on."""
        if self.is_dead:
            raise Crash(str(self))

    def revive(self) -> None:
        """Begin as the next process."""
        self.is_dead = False

    def _die(self, drop: Callable[[], object]) -> None:
        self.is_dead = self.has_struck = True
        drop()
        raise Crash(str(self))


def is_write(sql: str) -> bool:
    """Tell whether a statement leaves something behind."""
    return sql.lstrip(" \n(").upper().startswith(WRITES)


def label(sql: str) -> str:
    """Name a statement for people: its verb and its table."""
    words = sql.replace('"', "").split()
    wanted = [word for word in words[:12] if word.isupper() or "_" in word]
    return " ".join(wanted[:3])


def _place() -> str:
    """Say in which workflow, and in which step of it, something happens."""
    frame = current_frame()
    if frame is None:
        return ""
    definition: Any = frame.execution.definition  # type: ignore[attr-defined]
    if frame.step is None:
        return f", in {definition.name}"
    return f", in step {frame.step.step_id} of {definition.name}"


_active: Crasher | None = None


def active() -> Crasher | None:
    """Return the crasher that ``run_until_idle()`` has to reckon with."""
    return _active


@contextmanager
def activated(crasher: Crasher) -> Iterator[None]:
    """Let the writes of a block count."""
    global _active
    _active = crasher
    try:
        yield
    finally:
        _active = None
