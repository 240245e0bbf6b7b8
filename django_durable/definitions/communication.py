"""What workflows say and hear: messages and events, from inside and outside."""

from collections.abc import Iterable
from typing import Any, TypeVar, overload

from django_durable import durations, names
from django_durable.definitions.context import (
    body_frame,
    refuse_running_loop,
    required_body,
    required_frame,
)
from django_durable.definitions.engine import engine
from django_durable.definitions.handles import WorkflowHandle
from django_durable.definitions.messages import MISSING, Awaited, Message, id_of
from django_durable.definitions.schemas import Schema, check_schema
from django_durable.durations import Seconds

T = TypeVar("T")
Workflow = str | WorkflowHandle[Any]


def send(
    workflow_id: Workflow,
    message: Any,
    topic: str | None = None,
    *,
    idempotency_key: str | None = None,
) -> None:
    """Send a message to a workflow, by its id or handle.

    In a workflow's body it is recorded and sent exactly once; elsewhere exactly
    once with an ``idempotency_key``, or within ``SetWorkflowID``, whose id then is
    the key. Inside ``atomic()`` it belongs to that transaction. One that has ended
    keeps the message, unread. Raises WorkflowNotFound, SerializationError, and
    TypeError or ValueError for a topic or key that may not be used.
    """
    refuse_running_loop("send", "asend")
    _send([Message(workflow_id, message, topic, idempotency_key)])  # type: ignore[arg-type]


async def asend(
    workflow_id: Workflow,
    message: Any,
    topic: str | None = None,
    *,
    idempotency_key: str | None = None,
) -> None:
    """See send()."""
    await _asend([Message(workflow_id, message, topic, idempotency_key)])  # type: ignore[arg-type]


def send_many(messages: Iterable[Message]) -> None:
    """Send messages in their order: all of them, or none when one is refused.

    Errors as for ``send()``.
    """
    refuse_running_loop("send_many", "asend_many")
    _send(_messages(messages))


async def asend_many(messages: Iterable[Message]) -> None:
    """See send_many()."""
    await _asend(_messages(messages))


@overload
def recv(
    topic: str | None = None,
    *,
    timeout: Seconds | None = None,
    default: Any = MISSING,
    schema: type[T],
    human: bool = False,
) -> T: ...
@overload
def recv(
    topic: str | None = None,
    *,
    timeout: Seconds | None = None,
    default: Any = MISSING,
    schema: None = None,
    human: bool = False,
) -> Any: ...
def recv(
    topic: str | None = None,
    *,
    timeout: Seconds | None = None,
    default: Any = MISSING,
    schema: Schema | None = None,
    human: bool = False,
) -> Any:
    """Return the next message of a topic, and consume it; wait until there is one.

    Without a topic: the next message that was sent without one. ``timeout`` in
    seconds or as a timedelta, None waits for ever. When the time is up, the
    ``default`` is returned where one is given, else WaitTimeout (a TimeoutError)
    is raised. Either outcome is recorded. ``schema``, a dataclass or pydantic
    model, shapes the message; ValueError when it does not fit. ``human``: a person
    is asked, so that it stands in the admin's inbox with a form, and the workflow
    leaves memory at once. Raises NotInWorkflow outside of a workflow's body.
    """
    refuse_running_loop("recv", "arecv")
    names.check_topic(topic)
    limit = durations.optional_seconds(timeout, "timeout")
    shape = check_schema(schema)
    return required_body("recv").execution.receive(
        topic, limit, default, shape, bool(human)
    )


@overload
async def arecv(
    topic: str | None = None,
    *,
    timeout: Seconds | None = None,
    default: Any = MISSING,
    schema: type[T],
    human: bool = False,
) -> T: ...
@overload
async def arecv(
    topic: str | None = None,
    *,
    timeout: Seconds | None = None,
    default: Any = MISSING,
    schema: None = None,
    human: bool = False,
) -> Any: ...
async def arecv(
    topic: str | None = None,
    *,
    timeout: Seconds | None = None,
    default: Any = MISSING,
    schema: Schema | None = None,
    human: bool = False,
) -> Any:
    """See recv()."""
    names.check_topic(topic)
    limit = durations.optional_seconds(timeout, "timeout")
    shape = check_schema(schema)
    return await required_body("arecv").execution.receive(
        topic, limit, default, shape, bool(human)
    )


def first_of(*waits: Awaited) -> tuple[Awaited, Any]:
    """Wait for whichever comes first; return that wait and its value.

    Waits are made with ``on_message on_event on_result on_timer``; where several
    are over already, the first argument wins. Recorded. A workflow that ended in
    an error has that error raised. Raises NotInWorkflow outside a workflow's body.
    """
    refuse_running_loop("first_of", "afirst_of")
    return required_body("first_of").execution.first_of(_awaited(waits))  # type: ignore[no-any-return]


async def afirst_of(*waits: Awaited) -> tuple[Awaited, Any]:
    """See first_of()."""
    return await required_body("afirst_of").execution.first_of(_awaited(waits))  # type: ignore[no-any-return]


def set_event(key: str, value: Any, *, overwrite: bool = True) -> None:
    """Publish a value under a key, in a workflow or a step.

    With ``overwrite=False`` a second value is refused: EventAlreadySet; a step
    that is executed again may set the same one again. In a transaction step it is
    published with the commit. Raises SerializationError, NotInWorkflow, and
    TypeError or ValueError for a key that may not be used.
    """
    refuse_running_loop("set_event", "aset_event")
    names.check_name(key, "key")
    required_frame("set_event").execution.set_event(key, value, overwrite)


async def aset_event(key: str, value: Any, *, overwrite: bool = True) -> None:
    """See set_event()."""
    names.check_name(key, "key")
    await required_frame("aset_event").execution.set_event(key, value, overwrite)


def get_event(
    workflow_id: Workflow,
    key: str,
    *,
    timeout: Seconds | None = 60,
    default: Any = MISSING,
) -> Any:
    """Return the latest value of a workflow's event; wait until there is one.

    ``timeout`` in seconds or as a timedelta, None waits for ever. When the time
    is up, or the workflow has ended without the event, the ``default`` is
    returned where one is given, else WaitTimeout is raised. In a workflow's body
    the outcome is recorded. Raises WorkflowNotFound, and WaitImpossible inside an
    ``atomic()`` that the event itself waits for.
    """
    refuse_running_loop("get_event", "aget_event")
    names.check_name(key, "key")
    limit = durations.optional_seconds(timeout, "timeout")
    frame, pk = body_frame(), id_of(workflow_id)
    if frame is None:
        return engine().event(pk, key, limit, default)
    return frame.execution.get_event(pk, key, limit, default)


async def aget_event(
    workflow_id: Workflow,
    key: str,
    *,
    timeout: Seconds | None = 60,
    default: Any = MISSING,
) -> Any:
    """See get_event()."""
    names.check_name(key, "key")
    limit = durations.optional_seconds(timeout, "timeout")
    frame, pk = body_frame(), id_of(workflow_id)
    if frame is None:
        return await engine().aevent(pk, key, limit, default)
    return await frame.execution.get_event(pk, key, limit, default)


def get_events(workflow_id: Workflow) -> dict[str, Any]:
    """Return all events of a workflow with their latest values.

    In a workflow's body the answer is recorded. Raises WorkflowNotFound.
    """
    refuse_running_loop("get_events", "aget_events")
    frame, pk = body_frame(), id_of(workflow_id)
    if frame is None:
        return engine().events(pk)
    return frame.execution.get_events(pk)  # type: ignore[no-any-return]


async def aget_events(workflow_id: Workflow) -> dict[str, Any]:
    """See get_events()."""
    frame, pk = body_frame(), id_of(workflow_id)
    if frame is None:
        return await engine().aevents(pk)
    return await frame.execution.get_events(pk)  # type: ignore[no-any-return]


def _send(messages: list[Message]) -> None:
    frame = body_frame()
    if frame is None:
        engine().send([message.with_given_key() for message in messages])
    elif messages:
        frame.execution.send(messages)


async def _asend(messages: list[Message]) -> None:
    frame = body_frame()
    if frame is None:
        await engine().asend([message.with_given_key() for message in messages])
    elif messages:
        await frame.execution.send(messages)


def _messages(given: Iterable[Message]) -> list[Message]:
    messages = list(given)
    for message in messages:
        if not isinstance(message, Message):
            raise TypeError(
                f"send_many() takes Message objects, not {message!r}:"
                " send_many([Message(workflow_id, message, topic), …])."
            )
    return messages


def _awaited(waits: tuple[Awaited, ...]) -> tuple[Awaited, ...]:
    if not waits:
        raise ValueError("first_of() needs something to wait for.")
    for wait in waits:
        if not isinstance(wait, Awaited):
            raise TypeError(
                f"first_of() takes on_message(…), on_event(…), on_result(…) and"
                f" on_timer(…), not {wait!r}."
            )
    return waits
