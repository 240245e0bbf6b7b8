"""Messages, and what a workflow can wait for, as values."""

from dataclasses import dataclass, replace
from typing import Any

from django_durable import durations, names
from django_durable.definitions.handles import WorkflowHandle
from django_durable.definitions.options import take_given_id
from django_durable.durations import Seconds

# Marks an argument that was not given: None may be a default.
MISSING: Any = object()


@dataclass(frozen=True, slots=True)
class Message:
    """One message of ``send_many()``.

    ``topic`` None means none: such messages are received without a topic.
    ``idempotency_key`` (1 to 255 characters): a second message of this key to the
    same workflow is not delivered.
    """

    workflow_id: str
    message: Any
    topic: str | None = None
    idempotency_key: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "workflow_id", id_of(self.workflow_id))
        names.check_topic(self.topic)
        if self.idempotency_key is not None:
            names.check_name(self.idempotency_key, "idempotency_key")

    def with_given_key(self) -> "Message":
        """Return a copy with the key that ``SetWorkflowID`` keeps for this send."""
        if self.idempotency_key is not None or (given := take_given_id()) is None:
            return self
        return replace(self, idempotency_key=given)


@dataclass(frozen=True, slots=True)
class OnMessage:
    """A message of a topic arrives; its value is the message."""

    topic: str | None = None
    human: bool = False


@dataclass(frozen=True, slots=True)
class OnEvent:
    """A workflow has set an event; its value is the event's."""

    workflow_id: str
    key: str


@dataclass(frozen=True, slots=True)
class OnResult:
    """A workflow has ended; its value is the result. Its error is raised."""

    workflow_id: str


@dataclass(frozen=True, slots=True)
class OnTimer:
    """A time has passed; its value is None."""

    seconds: float


Awaited = OnMessage | OnEvent | OnResult | OnTimer


def on_message(topic: str | None = None, *, human: bool = False) -> OnMessage:
    """Wait, in ``first_of()``, for the next message of a topic.

    ``human`` as for ``recv()``.
    """
    names.check_topic(topic)
    return OnMessage(topic, bool(human))


def on_event(workflow_id: "str | WorkflowHandle[Any]", key: str) -> OnEvent:
    """Wait, in ``first_of()``, for a value of an event."""
    return OnEvent(id_of(workflow_id), names.check_name(key, "key"))


def on_result(workflow: "str | WorkflowHandle[Any]") -> OnResult:
    """Wait, in ``first_of()``, for the end of a workflow: its handle or id."""
    return OnResult(id_of(workflow))


def on_timer(duration: Seconds) -> OnTimer:
    """Wait, in ``first_of()``, for a length of time: seconds or a timedelta."""
    return OnTimer(durations.seconds(duration, "on_timer()"))


def id_of(workflow: object) -> str:
    """Return the id of a workflow given by its handle or its id."""
    if isinstance(workflow, WorkflowHandle):
        return workflow.workflow_id
    if not isinstance(workflow, str):
        raise TypeError(f"workflow_id must be a string, not {workflow!r}.")
    return workflow
