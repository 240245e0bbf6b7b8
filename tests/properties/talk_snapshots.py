"""What workflows have told each other at one moment, and what must stay of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django_durable.models import (
    Event,
    EventHistory,
    Notification,
    Stream,
    StreamEntry,
)
from tests.crash.said import Place, Said
from tests.properties.tables import rows

_STREAM = ("workflow_id", "key")
_WRITER = ("branch", "step_id")


def nothing_said() -> Said:
    """Return silence."""
    return Said({}, {}, {}, {}, {}, {})


def read_said(steps: Sequence[dict[str, Any]]) -> Said:
    """Read it on the connection at hand; ``steps`` are known already."""
    said = nothing_said()
    columns = "id", "destination_id", "topic", "message"
    by = "consumed_branch", "consumed_by"
    for row in sorted(rows(Notification, *columns, *by), key=lambda row: row["id"]):
        reader = row["destination_id"], row["consumed_branch"], row["consumed_by"]
        box = said.messages.setdefault((row["destination_id"], row["topic"]), [])
        box.append((row["message"], None if row["consumed_by"] is None else reader))
    for row in rows(Event, *_STREAM, "value"):
        said.events[_key(row)] = row["value"]
    for row in rows(EventHistory, *_STREAM, *_WRITER, "value"):
        said.past_events[_key(row), _place(row)] = row["value"]
    for row in rows(Stream, *_STREAM, "next_offset", "is_closed"):
        said.streams[_key(row)] = row["next_offset"], bool(row["is_closed"])
    entries = rows(StreamEntry, *_STREAM, *_WRITER, '"offset"', "value")
    for row in sorted(entries, key=lambda row: row['"offset"']):
        found = said.entries.setdefault(_key(row), [])
        found.append((row['"offset"'], row["value"], _place(row)))
    for row in steps:
        said.steps[_place(row)] = row["kind"], row["output"], row["error"]
    return said


def changes(then: Said, now: Said) -> Iterator[str]:
    """Say what must not have changed."""
    for box, messages in then.messages.items():
        for number, (message, by) in enumerate(messages):
            is_now = now.messages[box][number]
            if by is not None and is_now != (message, by):
                yield f"message {number} of {box} was {by}'s, and is {is_now}"
    for setting, value in then.past_events.items():
        if now.past_events.get(setting) != value:
            yield f"{setting} was {value}, and is {now.past_events.get(setting)}"
    for stream, entries in then.entries.items():
        if now.entries.get(stream, [])[: len(entries)] != entries:
            yield f"stream {stream} was {entries}, and is {now.entries.get(stream)}"
        if then.streams[stream][1] and len(now.entries[stream]) > len(entries):
            yield f"stream {stream} goes on after its end"


def said_by(said: Said, workflow: str) -> set[Any]:
    """Return what nobody may add to once a cancellation has returned."""
    consumed = {by for _, _, by in said.consumed if by[0] == workflow}
    settings = {each for each in said.past_events if each[1][0] == workflow}
    written = {
        (key, offset)
        for key, entries in said.entries.items()
        if key[0] == workflow
        for offset, _, _ in entries
    }
    return consumed | settings | written


def _key(row: dict[str, Any]) -> tuple[str, str]:
    return row["workflow_id"], row["key"]


def _place(row: dict[str, Any]) -> Place:
    return row["workflow_id"], row["branch"], row["step_id"]
