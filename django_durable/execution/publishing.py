"""What a workflow says: messages, events and stream entries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connections

from django_durable import clock, failures, serialization
from django_durable.definitions.context import Frame
from django_durable.definitions.messages import Message
from django_durable.exceptions import EventAlreadySet, StreamClosed, WorkflowNotFound
from django_durable.execution import news, records
from django_durable.execution.checkpoints import publish_alone
from django_durable.execution.drivers import Algorithm
from django_durable.execution.hosts import Host
from django_durable.execution.outbox import event_of, outbox_of
from django_durable.execution.requests import Query
from django_durable.execution.state import State
from django_durable.models import Step
from django_durable.models.checkpoint import Checkpoint, Recorded
from django_durable.models.entries import StreamWriting
from django_durable.models.event import EventSetting
from django_durable.models.ids import may_exist
from django_durable.models.letters import Letter, Sending
from django_durable.models.publication import Publication

Kind = Step.Kind


@dataclass(frozen=True, slots=True)
class Publish:
    """Write a publication behind the strict fence, alone if its row is busy."""

    row: Publication

    def run(self, host: Host) -> Recorded:
        return host.publish(self.row)

    async def arun(self, host: Host) -> Recorded:
        return await host.apublish(self.row)


def label(call: str, key: str) -> str:
    """Return the name of a step of a call about a topic or key."""
    return f"{call}({key})" if key else call


def send(execution: State, frame: Frame, messages: Sequence[Message]) -> Algorithm:
    """Send messages as one step."""
    letters = tuple(letter_of(message) for message in messages)
    for letter in letters:
        if not may_exist(letter.destination):
            raise WorkflowNotFound(letter.destination)
    name = label("send", letters[0].topic) if len(letters) == 1 else "send_many"

    def build(row: Checkpoint) -> Sending:
        return Sending(row, letters=letters)

    return (yield from _publish(execution, frame, name, Kind.SEND, build))


def set_event(
    execution: State, frame: Frame, key: str, value: Any, overwrite: bool
) -> Algorithm:
    """Publish an event as a step, or from the inside of one."""
    text = serialization.dumps(value, f"event {key!r}")
    if frame.step is not None:
        yield from _set_inside(execution, frame, key, text, overwrite)
        return None
    error = None
    if not overwrite:
        error = failures.dump_refusal(EventAlreadySet, execution.workflow_id, key)

    def build(row: Checkpoint) -> EventSetting:
        return EventSetting(row, key=key, value=text, overwrite=overwrite)

    name = label("set_event", key)
    return (yield from _publish(execution, frame, name, Kind.SET_EVENT, build, error))


def write_stream(
    execution: State, frame: Frame, key: str, value: Any, flush: bool
) -> Algorithm:
    """Append a value as a step, or from the inside of one."""
    text = serialization.dumps(value, f"value of stream {key!r}")
    if frame.step is not None:
        execution.assure_wanted()
        outbox = outbox_of(execution, frame, is_atomic=frame.is_atomic)
        if outbox.write(key, text, flush=flush):
            yield Query(outbox.flush)
        return None

    def build(row: Checkpoint) -> StreamWriting:
        return StreamWriting(row, key=key, values=(text,))

    name = label("write_stream", key)
    error = failures.dump_refusal(StreamClosed, execution.workflow_id, key)
    return (
        yield from _publish(execution, frame, name, Kind.WRITE_STREAM, build, error)
    )


def close_stream(execution: State, frame: Frame, key: str) -> Algorithm:
    """End a stream as a step, or from the inside of one."""
    if frame.step is not None:
        execution.assure_wanted()
        outbox = outbox_of(execution, frame, is_atomic=frame.is_atomic)
        if outbox.close(key):
            yield Query(outbox.flush)
        return None

    def build(row: Checkpoint) -> StreamWriting:
        return StreamWriting(row, key=key, closes=True)

    name = label("close_stream", key)
    return (yield from _publish(execution, frame, name, Kind.CLOSE_STREAM, build))


def letter_of(message: Message) -> Letter:
    """Return a message as it is stored; raises SerializationError."""
    pk = message.workflow_id
    return Letter(
        destination=pk,
        topic=message.topic or "",
        message=serialization.dumps(message.message, "message"),
        idempotency_key=message.idempotency_key,
        missing=failures.dump_refusal(WorkflowNotFound, pk),
    )


def _publish(
    execution: State,
    frame: Frame,
    name: str,
    kind: Kind,
    build: Any,
    refusal: str | None = None,
) -> Algorithm:
    """Replay, or publish and record in one commit."""
    place = execution.enter(frame)
    if recorded := execution.recall(place, name, kind):
        return execution.replay(recorded)
    yield from execution.assure_active()
    row = records.checkpoint(
        execution,
        place,
        name,
        kind,
        started_at=clock.now(),
        error=refusal,
    )
    with execution.busy():
        got = yield Publish(build(row))
        adopted = execution.settle(got) or got.checkpoint
    assert adopted is not None
    yield from news.tell_step(execution, adopted)
    return execution.replay(adopted)


def _set_inside(
    execution: State, frame: Frame, key: str, text: str, overwrite: bool
) -> Algorithm:
    """Publish an event from the inside of a step.

    Where the step has a transaction open, the event belongs to it.
    """
    execution.assure_wanted()
    if frame.is_atomic:
        outbox = outbox_of(execution, frame, is_atomic=True)
        outbox.keep_event(key, text, overwrite=overwrite)
        return
    row = event_of(execution, frame, key, text, overwrite=overwrite)
    using = execution.host.using
    if len(connections[using].atomic_blocks) > execution.atomic_depth:
        got = publish_alone(using, row)
    else:
        got = yield Publish(row)
    execution.settle(got)
    if got.checkpoint is not None and got.checkpoint.error is not None:
        raise EventAlreadySet(execution.workflow_id, key)
