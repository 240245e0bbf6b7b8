"""How code can differ from a history, and where in the user's code it does."""

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Callable
from concurrent import futures
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import asgiref
import django

from django_durable.execution.journal import Journal, Place
from django_durable.execution.publishing import label
from django_durable.models import Step, Wait, Workflow
from django_durable.models.targets import TargetKind

Kind = Step.Kind

# Whose frames are passed on the way from a durable call to the user's code.
_OURS = Path(__file__).parents[1]
_THEIRS = [
    Path(str(each.__file__)).parent for each in (asgiref, asyncio, django, futures)
]
_PASSED = (
    *(f"{each}{os.sep}" for each in (_OURS, *_THEIRS)),
    contextlib.__file__,
    threading.__file__,
)


class Difference(Enum):
    """What kind of difference was found."""

    STEP = "another step is recorded"
    BEGUN = "another step has begun"
    LEFT_OVER = "a recorded step is not called any more"
    RAISED = "another exception is raised"
    UNREADABLE = "a stored value cannot be read back"
    ARGUMENTS = "the arguments do not fit"
    WRITES = "the body writes to the database"
    UNKNOWN = "there is no code of this name"


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first difference of a workflow's history and the code at hand.

    ``recorded`` and ``called`` are names of steps, ``""`` where there is none;
    ``file`` and ``line`` that of the call in the user's code.
    """

    difference: Difference
    message: str
    branch: str = ""
    step_id: int | None = None
    recorded: str = ""
    called: str = ""
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class History:
    """What is recorded of a workflow, and what has begun without an end."""

    journal: Journal
    # Kinds and keys of what is waited for; names of children by their ids.
    waits: dict[Place, list[tuple[str, str]]]
    children: dict[str, str]

    @classmethod
    def load(cls, using: str, workflow_id: str) -> "History":
        """Read all of it. What has begun comes first: it may be recorded meanwhile."""
        waits: dict[Place, list[tuple[str, str]]] = {}
        rows = Wait.objects.using(using).filter(workflow_id=workflow_id)
        for branch, step_id, *wait in rows.values_list(
            "branch", "step_id", "kind", "key"
        ):
            waits.setdefault(Place(branch, step_id), []).append((wait[0], wait[1]))
        children = Workflow.objects.using(using).filter(parent=workflow_id)
        names = dict(children.values_list("pk", "name"))
        return cls(Journal.load(using, workflow_id), waits, names)

    @property
    def has_errors(self) -> bool:
        """Tell whether a step was recorded that had failed."""
        return any(row.error is not None for row in self.journal.steps.values())

    @property
    def places(self) -> set[Place]:
        """Where something is recorded, or has begun."""
        return {*self.journal.steps, *self.journal.begun}

    def name_at(self, place: Place) -> str:
        """Return the name of what is recorded or has begun at a place."""
        recorded = self.journal.steps.get(place)
        return recorded.name if recorded is not None else self._begun_at(place)

    def begun_otherwise(
        self, place: Place, child_id: str, name: str, kind: str
    ) -> str | None:
        """Return what has begun at a place when a call cannot have begun it."""
        if child_id in self.children:
            is_it = (name, kind) == (self.children[child_id], Kind.CHILD)
            return None if is_it else self.children[child_id]
        waits = self.waits.get(place, [])
        if place in self.journal.retries:
            can_be = kind in (Kind.STEP, Kind.TRANSACTION)
        else:
            can_be = not waits or _may_wait(name, kind, waits)
        return None if can_be else self._begun_at(place)

    def _begun_at(self, place: Place) -> str:
        if place in self.journal.retries:
            return "a step that is tried again"
        waits = self.waits.get(place, [])
        names = [_WAITING[kind](key) for kind, key in waits if kind != _RESULT]
        if len(names) > 1:
            return "first_of"
        return names[0] if names else "get_result"


_RESULT = TargetKind.RESULT.value
_WAITING: dict[str, Callable[[str], str]] = {
    TargetKind.TIMER.value: lambda key: "sleep",
    TargetKind.MESSAGE.value: lambda key: label("recv", key),
    TargetKind.EVENT.value: lambda key: label("get_event", key),
    TargetKind.STREAM.value: lambda key: label("read_stream", key),
}


def _may_wait(name: str, kind: str, waits: list[tuple[str, str]]) -> bool:
    """Tell whether a call waits for what the workflow waits for."""
    names = {_WAITING[each](key) for each, key in waits if each != _RESULT}
    if kind == Kind.FIRST_OF:
        return True
    if kind in (Kind.RESULT, Kind.CHILD):
        return not names
    return names == {name} and kind in _CALLS


_CALLS = (Kind.SLEEP, Kind.RECV, Kind.GET_EVENT, Kind.READ_STREAM)


def call_site() -> tuple[str, int]:
    """Return file and line in the user's code of the durable call under way."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if _is_users(frame):
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back
    return "", 0


def raise_site(error: BaseException) -> tuple[str, int]:
    """Return the last file and line of the user's code on an exception's way."""
    found, step = ("", 0), error.__traceback__
    while isinstance(step, TracebackType):
        if _is_users(step.tb_frame):
            found = step.tb_frame.f_code.co_filename, step.tb_lineno
        step = step.tb_next
    return found


def _is_users(frame: Any) -> bool:
    return not frame.f_code.co_filename.startswith(_PASSED)
