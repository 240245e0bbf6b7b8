"""One look at what somebody waits for, from inside a workflow or outside."""

from dataclasses import dataclass
from typing import Any

from django_durable import serialization
from django_durable.definitions.streams import Entries
from django_durable.exceptions import WorkflowNotFound
from django_durable.execution.results import Result, find_result
from django_durable.models import Event, Stream, StreamEntry, Workflow
from django_durable.models.ids import may_exist
from django_durable.models.status import TERMINAL


@dataclass(frozen=True, slots=True)
class Found:
    """The stored value of an event."""

    text: str


class Never:
    """The workflow has ended without it: nothing can come any more."""


def result(using: str, workflow_id: str) -> Result | WorkflowNotFound | None:
    """Return the outcome of a workflow, None while it has none."""
    if not may_exist(workflow_id):
        return WorkflowNotFound(workflow_id)
    try:
        return find_result(using, workflow_id)
    except Workflow.DoesNotExist:
        return WorkflowNotFound(workflow_id)


def event(
    using: str, workflow_id: str, key: str
) -> Found | Never | WorkflowNotFound | None:
    """Return the value of an event, None while it may come."""
    seen = None
    if may_exist(workflow_id):
        seen = Event.objects.using(using).look(workflow_id, key)
    if seen is None:
        return WorkflowNotFound(workflow_id)
    if seen.value is not None:
        return Found(seen.value)
    return Never() if seen.status in TERMINAL else None


def events(using: str, workflow_id: str) -> dict[str, Any] | None:
    """Return all events of a workflow, None when there is no workflow."""
    rows = Event.objects.using(using).filter(workflow=workflow_id).order_by("key")
    if not may_exist(workflow_id):
        return None
    found = {row.key: serialization.loads(row.value) for row in rows}
    if found or Workflow.objects.using(using).filter(pk=workflow_id).exists():
        return found
    return None


def entries(
    using: str, workflow_id: str, key: str, offset: int, *, limit: int
) -> Entries | WorkflowNotFound | None:
    """Return values of a stream, or its end; None while more may come."""
    state = None
    if may_exist(workflow_id):
        state = Stream.objects.using(using).look(workflow_id, key, offset, limit)
    if state is None:
        return WorkflowNotFound(workflow_id)
    if state.next_offset > offset:
        texts = state.values
        if not texts:  # Somebody has deleted the first ones.
            rows = StreamEntry.objects.using(using)
            texts = rows.values_from(workflow_id, key, offset, limit)
        return Entries(tuple(serialization.loads(text) for text in texts))
    if state.is_over:
        return Entries(is_over=True, is_closed=state.is_closed)
    return None


def result_name(workflow_id: str) -> str:
    """Name a result, for people."""
    return f"the result of workflow {workflow_id!r}"


def event_name(workflow_id: str, key: str) -> str:
    """Name an event, for people."""
    return f"event {key!r} of workflow {workflow_id!r}"


def entry_name(workflow_id: str, key: str, offset: int) -> str:
    """Name an entry of a stream, for people."""
    return f"value {offset} of stream {key!r} of workflow {workflow_id!r}"
