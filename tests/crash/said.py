"""What workflows have told each other, as the database knows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django_durable.models import (
    Event,
    EventHistory,
    Notification,
    Step,
    Stream,
    StreamEntry,
)

Key = tuple[str, str]
Place = tuple[str, str, int]
# From the body: exactly once. From the inside of an ordinary step: at least once.
AT_LEAST_ONCE = Step.Kind.STEP


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
    steps: dict[Place, tuple[str, str | None, str | None]]

    @classmethod
    def read(cls) -> Said:
        """Read it on the connection at hand."""
        messages: dict[Key, list[tuple[str, Place | None]]] = {}
        for row in Notification.objects.order_by("id"):
            reader = (row.destination_id, row.consumed_branch, row.consumed_by)
            by: Any = reader if row.consumed_by is not None else None
            key = (row.destination_id, row.topic)
            messages.setdefault(key, []).append((row.message, by))
        entries: dict[Key, list[tuple[int, str, Place]]] = {}
        for each in StreamEntry.objects.order_by("workflow_id", "key", "offset"):
            place = (each.workflow_id, each.branch, each.step_id)
            found = entries.setdefault((each.workflow_id, each.key), [])
            found.append((each.offset, each.value, place))
        return cls(
            messages,
            {(row.workflow_id, row.key): row.value for row in Event.objects.all()},
            {
                ((row.workflow_id, row.key), _place(row)): row.value
                for row in EventHistory.objects.all()
            },
            {
                (row.workflow_id, row.key): (row.next_offset, row.is_closed)
                for row in Stream.objects.all()
            },
            entries,
            {
                _place(row): (row.kind, row.output, row.error)
                for row in Step.objects.all()
            },
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
            kind, output, error = self.steps.get(by, ("no", None, None))
            if kind == Step.Kind.RECV and output != message:
                yield f"{by} has consumed {message} of {key} and received {output}"
            if kind not in (Step.Kind.RECV, Step.Kind.FIRST_OF) or error:
                yield f"{by} has consumed {message} of {key}, and it is {kind} step"
        for place, (kind, _, error) in self.steps.items():
            wanted = 1 if kind == Step.Kind.RECV and error is None else 0
            if kind == Step.Kind.RECV and readers[place] != wanted:
                yield f"{place} has consumed {readers[place]} messages"

    def _doubled(self) -> Iterator[str]:
        for key, found in self.entries.items():
            for (value, place), n in Counter(
                (value, place) for _, value, place in found
            ).items():
                if n > 1 and self.steps[place][0] != AT_LEAST_ONCE:
                    yield f"{value} of {place} is {n} times in stream {key}"


def _place(row: Any) -> Place:
    return row.workflow_id, row.branch, row.step_id


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
