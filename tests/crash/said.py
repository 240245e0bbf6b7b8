"""What workflows have told each other, as the database knows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Model

from django_durable.models import (
    Event,
    EventHistory,
    Notification,
    Step,
    Stream,
    StreamEntry,
    sql,
)

Key = tuple[str, str]
Place = tuple[str, str, int]
# From the body: exactly once. From the inside of an ordinary step: at least once.
AT_LEAST_ONCE = Step.Kind.STEP


class Recorded(NamedTuple):
    """What a step is and what it came to."""

    name: str
    kind: str
    output: str | None
    error: str | None


def rows(model: type[Model], columns: str, order: str = "1") -> list[tuple[Any, ...]]:
    """Read a table without the help of its model: here that takes half the time."""
    statement = f"SELECT {columns} FROM {sql.table(model)} ORDER BY {order}"
    return sql.fetch(connection, statement)


@dataclass(frozen=True)
class Said:
    """Messages by (destination, topic), events and streams by (workflow, key).

    A message is its value and the place that consumed it, an entry of a stream
    its offset, its value and the place that wrote it.
    """

    messages: dict[Key, list[tuple[str, Place | None]]]
    events: dict[Key, str]
    past_events: dict[tuple[Key, Place], str]
    streams: dict[Key, tuple[int, bool]]
    entries: dict[Key, list[tuple[int, str, Place]]]
    steps: dict[Place, Recorded]

    @classmethod
    def read(cls, steps: dict[Place, Recorded] | None = None) -> Said:
        """Read it on the connection at hand, unless ``steps`` are known already."""
        return cls(
            _messages(),
            {
                (pk, key): value
                for pk, key, value in rows(Event, "workflow_id, key, value")
            },
            {
                ((pk, key), (pk, branch, number)): value
                for pk, key, branch, number, value in rows(
                    EventHistory, "workflow_id, key, branch, step_id, value"
                )
            },
            {
                (pk, key): (next_offset, bool(is_closed))
                for pk, key, next_offset, is_closed in rows(
                    Stream, "workflow_id, key, next_offset, is_closed"
                )
            },
            _entries(),
            _steps() if steps is None else steps,
        )

    @property
    def consumed(self) -> list[tuple[Key, str, Place]]:
        """The messages that somebody has received."""
        return [
            (key, message, by)
            for key, found in self.messages.items()
            for message, by in found
            if by is not None
        ]

    @property
    def published(self) -> list[Any]:
        """What nobody may add to once a cancellation has returned."""
        return [self.consumed, self.events, self.past_events, self.entries]

    def faults(self) -> Iterator[str]:
        """Say what no crash may ever lead to."""
        yield from self._faults_of_messages()
        for key, found in self.entries.items():
            offsets = [offset for offset, _, _ in found]
            if offsets != list(range(len(found))):
                yield f"the offsets of stream {key} are {offsets}"
        for key, (next_offset, _) in self.streams.items():
            if next_offset != len(self.entries.get(key, [])):
                yield f"the counter of stream {key} is {next_offset}"
        for key, value in self.events.items():
            if value not in [v for (k, _), v in self.past_events.items() if k == key]:
                yield f"event {key} is {value}, and nobody has set that"

    def differences(self, expected: Said) -> Iterator[str]:
        """Say what was told otherwise than in a run without crashes."""
        for key in self.messages.keys() | expected.messages.keys():
            mine, theirs = _letters(self, key), _letters(expected, key)
            if mine != theirs:
                yield f"the messages of {key} are {mine}"
        for name in ("events", "past_events"):
            if getattr(self, name) != getattr(expected, name):
                yield f"the {name} are {getattr(self, name)}"
        if _closed(self) != _closed(expected):
            yield f"the closed streams are {_closed(self)}"
        for key in self.entries.keys() | expected.entries.keys():
            if _by_branch(self, key) != _by_branch(expected, key):
                yield f"the entries of {key} are {self.entries.get(key)}"
        yield from self._doubled()

    def _faults_of_messages(self) -> Iterator[str]:
        readers = Counter(by for _, _, by in self.consumed)
        for key, message, by in self.consumed:
            _, kind, output, error = self.steps.get(by, ("", "no", None, None))
            if kind == Step.Kind.RECV and output != message:
                yield f"{by} has consumed {message} of {key} and received {output}"
            if kind not in (Step.Kind.RECV, Step.Kind.FIRST_OF) or error:
                yield f"{by} has consumed {message} of {key}, and it is {kind} step"
        for place, (_, kind, _, error) in self.steps.items():
            wanted = 1 if kind == Step.Kind.RECV and error is None else 0
            if kind == Step.Kind.RECV and readers[place] != wanted:
                yield f"{place} has consumed {readers[place]} messages"

    def _doubled(self) -> Iterator[str]:
        for key, found in self.entries.items():
            for (value, place), n in Counter(
                (value, place) for _, value, place in found
            ).items():
                if n > 1 and self.steps[place].kind != AT_LEAST_ONCE:
                    yield f"{value} of {place} is {n} times in stream {key}"


def _steps() -> dict[Place, Recorded]:
    columns = "workflow_id, branch, step_id, name, kind, output, error"
    return {
        (pk, branch, number): Recorded(*facts)
        for pk, branch, number, *facts in rows(Step, columns, "1, 2, 3")
    }


def _messages() -> dict[Key, list[tuple[str, Place | None]]]:
    columns = "destination_id, topic, message, consumed_branch, consumed_by"
    found: dict[Key, list[tuple[str, Place | None]]] = {}
    for pk, topic, message, branch, number in rows(Notification, columns, "id"):
        by = None if number is None else (pk, branch, number)
        found.setdefault((pk, topic), []).append((message, by))
    return found


def _entries() -> dict[Key, list[tuple[int, str, Place]]]:
    columns = 'workflow_id, key, branch, step_id, value, "offset"'
    found: dict[Key, list[tuple[int, str, Place]]] = {}
    for pk, key, branch, number, value, offset in rows(
        StreamEntry, columns, '1, 2, "offset"'
    ):
        found.setdefault((pk, key), []).append((offset, value, (pk, branch, number)))
    return found


def _letters(said: Said, key: Key) -> list[tuple[str, bool]]:
    found = said.messages.get(key, [])
    return [(message, by is not None) for message, by in found]


def _closed(said: Said) -> set[Key]:
    return {key for key, (_, is_closed) in said.streams.items() if is_closed}


def _by_branch(said: Said, key: Key) -> dict[str, list[tuple[str, Place]]]:
    """Return what each branch wrote, in order, a repetition counted once."""
    found: dict[str, dict[tuple[str, Place], None]] = {}
    for _, value, place in said.entries.get(key, []):
        found.setdefault(place[1], {}).setdefault((value, place))
    return {branch: list(values) for branch, values in found.items()}
