"""Who is executing: the frame that every durable call looks at.

A ContextVar, so that threads and asyncio tasks that the engine starts inherit
it, and a step's own threads do not pretend to be the workflow.
"""

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import SynchronousOnlyOperation

from django_durable.definitions.engine import Running
from django_durable.exceptions import NotInWorkflow


@dataclass(frozen=True, slots=True)
class Context:
    """What the code that runs now belongs to.

    ``step_id``, ``step_attempt`` (from 1) and ``idempotency_key`` are None in
    the workflow's own body. The key is the same for all attempts of a step.
    """

    workflow_id: str
    step_id: int | None = None
    step_attempt: int | None = None
    idempotency_key: str | None = None
    deadline: datetime | None = None


class Frame:
    """One branch of one execution; with ``step``, the inside of a step of it."""

    __slots__ = (
        "branch",
        "branches",
        "execution",
        "is_atomic",
        "outbox",
        "starts",
        "step",
        "step_name",
        "steps",
    )

    def __init__(
        self,
        execution: Running,
        branch: str = "",
        step: Context | None = None,
        step_name: str = "",
    ) -> None:
        self.execution = execution
        self.branch = branch
        self.step = step
        self.step_name = step_name
        self.steps = 0
        self.branches = 0
        self.starts = 0
        # Of a step's inside: whether all of it is one transaction, and what it has
        # published that is not written yet.
        self.is_atomic = False
        self.outbox: Any = None

    def next_step(self) -> int:
        """Return the number of the next step of this branch, from 1."""
        self.steps += 1
        return self.steps

    def next_branch(self) -> str:
        """Name the next concurrent line that starts here."""
        self.branches += 1
        return f"{self.branch}.{self.branches}" if self.branch else str(self.branches)

    def next_start(self) -> str:
        """Return the id of the next workflow that this step starts."""
        assert self.step is not None
        self.starts += 1
        return f"{self.step.idempotency_key}.{self.starts}"

    def context(self) -> Context:
        """Return what ``durable.current()`` shows here."""
        if self.step is not None:
            return self.step
        return Context(self.execution.workflow_id, deadline=self.execution.deadline)


_frame: ContextVar[Frame | None] = ContextVar("django_durable_frame", default=None)


def current_frame() -> Frame | None:
    """Return the frame that this code runs in, None outside workflows."""
    return _frame.get()


def body_frame() -> Frame | None:
    """Return the frame when this is the body of a workflow, not a step's inside."""
    frame = _frame.get()
    return frame if frame is not None and frame.step is None else None


def required_frame(call: str) -> Frame:
    """Return the frame of a call; raise NotInWorkflow where there is none."""
    frame = _frame.get()
    if frame is None:
        raise NotInWorkflow(call)
    return frame


def required_body(call: str) -> Frame:
    """See required_frame(), for what only the body of a workflow may call."""
    frame = body_frame()
    if frame is None:
        raise NotInWorkflow(call)
    return frame


class entered:
    """Run a block inside ``frame``."""

    # Not a generator: this is done for each step.
    __slots__ = ("_frame", "_token")

    def __init__(self, frame: Frame | None) -> None:
        self._frame = frame

    def __enter__(self) -> None:
        self._token = _frame.set(self._frame)

    def __exit__(self, *exc_info: object) -> None:
        _frame.reset(self._token)


def enter(frame: Frame | None) -> None:
    """Put the rest of this context inside ``frame``."""
    _frame.set(frame)


def current() -> Context | None:
    """Return what the running code belongs to, None outside workflows."""
    frame = _frame.get()
    return frame.context() if frame is not None else None


def workflow_id() -> str | None:
    """Return the id of the workflow that is running here, None outside."""
    frame = _frame.get()
    return frame.execution.workflow_id if frame is not None else None


def has_running_loop() -> bool:
    """Tell whether an event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def refuse_running_loop(call: str, twin: str) -> None:
    """Raise SynchronousOnlyOperation when ``call`` would block an event loop."""
    if has_running_loop():
        raise SynchronousOnlyOperation(
            f"{call}() blocks, and an event loop runs in this thread."
            f" Use `await {twin}(…)`, or run it in a thread (asyncio.to_thread)."
        )
