"""What a workflow can wait for, and what it is called."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class TargetKind(Enum):
    """What would end a wait."""

    TIMER = "timer"
    RESULT = "workflow"
    MESSAGE = "message"
    EVENT = "event"
    STREAM = "stream"


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to wait for.

    ``name`` is what hints and rows call it. ``workflow_id``, ``key`` (a topic for
    messages) and ``offset`` say whose fact it is, so that a sweep can look for
    the fact itself. ``is_human``: a person is asked, by a form for a ``schema``
    (the path of a class).
    """

    name: str
    kind: TargetKind
    workflow_id: str = ""
    key: str = ""
    offset: int | None = None
    is_human: bool = False
    schema: str = ""


TIMER = Target("timer", TargetKind.TIMER)
_EVENT = "event:"


def result_target(workflow_id: str) -> Target:
    """Return the end of a workflow."""
    return Target(f"workflow:{workflow_id}", TargetKind.RESULT, workflow_id)


def message_target(
    workflow_id: str, topic: str, *, is_human: bool = False, schema: str = ""
) -> Target:
    """Return the next message of a topic; ``""`` for messages without one."""
    return Target(
        f"message:{workflow_id}:{topic}",
        TargetKind.MESSAGE,
        workflow_id,
        topic,
        is_human=is_human,
        schema=schema,
    )


def event_target(workflow_id: str, key: str) -> Target:
    """Return a value for a key of a workflow."""
    return Target(f"event:{workflow_id}:{key}", TargetKind.EVENT, workflow_id, key)


def any_event_name(workflow_id: str) -> str:
    """Return what hints call the events of a workflow together."""
    return f"{_EVENT}{workflow_id}:"


def names_of(name: str) -> Iterator[str]:
    """Yield a target's name, and for an event what may stand for all of its kind.

    An id may hold colons, so that only whoever listens knows where it ends.
    """
    yield name
    if name.startswith(_EVENT):
        end = name.find(":", len(_EVENT))
        while end >= 0:
            yield name[: end + 1]
            end = name.find(":", end + 1)


def stream_target(workflow_id: str, key: str, offset: int | None = None) -> Target:
    """Return an entry of a stream at ``offset`` or after it, or its end."""
    name = f"stream:{workflow_id}:{key}"
    return Target(name, TargetKind.STREAM, workflow_id, key, offset)
