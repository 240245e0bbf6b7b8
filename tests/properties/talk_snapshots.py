"""What workflows have told each other at one moment, and what must stay of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tests.crash.said import Recorded, Said


def nothing_said() -> Said:
    """Return silence."""
    return Said({}, {}, {}, {}, {}, {})


def read_said(steps: Sequence[dict[str, Any]]) -> Said:
    """Read it on the connection at hand; ``steps`` are known already."""
    return Said.read(
        {
            (row["workflow_id"], row["branch"], row["step_id"]): Recorded(
                *(row[name] for name in Recorded._fields)
            )
            for row in steps
        }
    )


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
