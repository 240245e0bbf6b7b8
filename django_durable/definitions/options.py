"""What may be said about one start of a workflow."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any

from django_durable import durations
from django_durable.durations import Seconds
from django_durable.names import check_queue_name
from django_durable.suggestions import unknown_names

# A time-out of a start that says nothing about it: the definition decides.
AS_DEFINED: Any = object()

_next_id: ContextVar[list[str] | None] = ContextVar("django_durable_id", default=None)


@dataclass(frozen=True, slots=True)
class StartOptions:
    """The options of ``using()``; names as in ``django.tasks``."""

    workflow_id: str | None = None
    queue_name: str | None = None
    priority: int = 0
    run_after: datetime | timedelta | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    subject: Any = None
    timeout: Seconds | None = AS_DEFINED

    def __post_init__(self) -> None:
        if isinstance(self.priority, bool) or not isinstance(self.priority, int):
            raise TypeError(f"priority must be an int, not {self.priority!r}.")
        if not -100 <= self.priority <= 100:
            raise ValueError(f"priority must be -100 to 100, not {self.priority}.")
        if self.queue_name is not None:
            check_queue_name(self.queue_name)
        if isinstance(self.run_after, timedelta):
            durations.seconds(self.run_after, "run_after")
        elif self.run_after is not None:
            durations.moment(self.run_after, "run_after")
        if self.timeout is not AS_DEFINED:
            durations.optional_limit(self.timeout, "timeout")
        if not isinstance(self.attributes, Mapping):
            raise TypeError(f"attributes must be a dict, not {self.attributes!r}.")

    def with_options(self, given: Mapping[str, Any]) -> "StartOptions":
        """Return a copy with ``given`` changed; TypeError for an unknown name."""
        known = {option.name for option in fields(self)}
        if unknown := [name for name in given if name not in known]:
            raise TypeError(unknown_names("option", unknown, known))
        return replace(self, **given)

    def with_given_id(self) -> "StartOptions":
        """Return a copy with the id that SetWorkflowID keeps for this start."""
        if self.workflow_id is not None or (given := take_given_id()) is None:
            return self
        return replace(self, workflow_id=given)


def take_given_id() -> str | None:
    """Return the id that SetWorkflowID keeps, once."""
    given = _next_id.get()
    return given.pop() if given else None


@contextmanager
def set_workflow_id(workflow_id: str) -> Iterator[None]:
    """Give ``workflow_id`` to the first workflow that the block starts.

    Where the block first sends a message, it is that message's idempotency key.
    """
    token = _next_id.set([workflow_id])
    try:
        yield
    finally:
        _next_id.reset(token)


# A context manager that reads like a class at its place of use.
SetWorkflowID = set_workflow_id
