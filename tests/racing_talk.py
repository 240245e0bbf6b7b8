"""What the races about messages, events and streams are made of."""

import dataclasses
from datetime import UTC, datetime
from typing import Any

from django.db import connections

import django_durable as durable
from django_durable.exceptions import EventAlreadySet, StreamClosed
from django_durable.execution.checkpoints import publish_alone
from django_durable.failures import dump_exception
from django_durable.models import (
    Event,
    EventHistory,
    Notification,
    Step,
    Stream,
    StreamEntry,
)
from django_durable.models.checkpoint import Checkpoint, Recorded, Verdict
from django_durable.models.entries import StreamWriting
from django_durable.models.event import EventSetting
from django_durable.models.publication import Publication
from tests import racing
from tests.crash.crasher import USING
from tests.crash.driver import Driver
from tests.emptying import empty

CODE = __name__
NOW = datetime(2030, 1, 1, tzinfo=UTC)


@durable.workflow
def receiving() -> Any:
    return durable.recv("talk")


@durable.workflow
async def areceiving() -> Any:
    return await durable.arecv("talk")


@durable.workflow
def choosing() -> Any:
    _, value = durable.first_of(durable.on_message("talk"), durable.on_message("other"))
    return value


@durable.workflow
def reading_event() -> Any:
    return durable.get_event("speaker", "key", timeout=None)


@durable.workflow
def reading_stream() -> Any:
    return next(durable.read_stream("speaker", "s"))


@durable.workflow
def choosing_event() -> Any:
    _, value = durable.first_of(
        durable.on_event("speaker", "key"), durable.on_message("talk")
    )
    return value


@durable.workflow
def speaking() -> None:
    """Tell in every way, and stay."""
    durable.send("w", "said", "talk")
    durable.set_event("key", "said")
    durable.write_stream("s", "said")
    durable.recv("end")


@durable.workflow
def publishing() -> None:
    """Tell in every way; two of them from a step."""
    durable.send("speaker", "said", "talk")
    durable.set_event("key", "said", overwrite=False)
    durable.write_stream("s", "said")
    tell()
    durable.close_stream("s")


@durable.step
def tell() -> None:
    durable.set_event("inside", "said")
    durable.write_stream("s", "inside", flush=True)


def clean() -> None:
    racing.clean()
    said = (Notification, Event, EventHistory, Stream, StreamEntry)
    empty(connections[USING], said)


def queue(definition: Any, *messages: Any, pk: str = "w") -> None:
    """Start one workflow in an empty database, with messages for it."""
    clean()
    definition.using(workflow_id=pk).start()
    for message in messages:
        send(message)


def send(message: Any, pk: str = "w") -> None:
    durable.send(pk, message, "talk")


def consumed() -> list[str]:
    """Return the messages that somebody has received."""
    rows = Notification.objects.exclude(consumed_by=None).order_by("id")
    return list(rows.values_list("message", flat=True))


def told() -> list[Any]:
    """Return all that was told to anybody."""
    return [
        sorted(Notification.objects.values_list("destination", "message")),
        sorted(EventHistory.objects.values_list("key", "step_id", "value")),
        sorted(StreamEntry.objects.values_list("key", "offset", "step_id", "value")),
        sorted(Stream.objects.values_list("key", "next_offset", "is_closed")),
        consumed(),
    ]


def held(driver: Driver, pk: str = "w") -> Checkpoint:
    """Take a workflow; return a checkpoint for one of its steps."""
    (claimed,) = driver.claim()
    assert claimed.id == pk
    return Checkpoint(
        workflow_id=pk,
        branch="",
        step_id=1,
        claim=claimed.claim,
        name="recv(talk)",
        kind="recv",
        output=None,
        error=None,
        child_id=None,
        worker_id=None,
        started_at=NOW,
        completed_at=NOW,
    )


def at(row: Checkpoint, step_id: int, branch: str = "") -> Checkpoint:
    return row._replace(step_id=step_id, branch=branch)


def setting(row: Checkpoint, value: str) -> EventSetting:
    """Build what a step's inside sets, once for all."""
    refusal = dump_exception(EventAlreadySet(row.workflow_id, "key"))
    inside = row._replace(error=refusal)
    return EventSetting(inside, False, "key", f'json:"{value}"', overwrite=False)


def writing(row: Checkpoint, *values: str, closes: bool = False) -> StreamWriting:
    """Build what a step's inside writes."""
    refusal = dump_exception(StreamClosed(row.workflow_id, "s"))
    inside = row._replace(error=refusal)
    return StreamWriting(inside, False, "s", values, closes=closes)


def in_body(row: Publication) -> Any:
    """Return the same publication as a step of the body."""
    return dataclasses.replace(row, records=True)


def publish(row: Publication) -> Recorded:
    """Publish as a worker does: with others, or alone where that is not possible."""
    recorded = Step.objects.publish([row])[0]
    if recorded.verdict is Verdict.BUSY:
        recorded = publish_alone(USING, row)
    assert recorded.verdict is Verdict.RECORDED
    return recorded


def took(recorded: Recorded) -> bool:
    """Tell whether what was published has not been refused."""
    assert recorded.checkpoint is not None
    return recorded.checkpoint.error is None


def entries() -> list[str]:
    """Return the values of the stream, whose offsets must be dense."""
    rows = list(StreamEntry.objects.order_by("offset").values_list("offset", "value"))
    assert [offset for offset, _ in rows] == list(range(len(rows)))
    counted = list(Stream.objects.values_list("next_offset", flat=True))
    assert counted == [len(rows)]
    return [value for _, value in rows]
