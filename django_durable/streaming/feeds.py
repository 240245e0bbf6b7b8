"""The status feed of a workflow: its status, finished steps, events.

It tells the present state first and then what changes, so it needs no offsets
that last: whoever comes back is told the state again. Its numbers count what
this process has told, for the acknowledgements.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db import connections

from django_durable.models.news import (
    Cursor,
    SeenEvent,
    SeenStep,
    SeenWorkflow,
    see_news,
)
from django_durable.models.status import TERMINAL, Status
from django_durable.models.targets import any_event_name, result_target
from django_durable.signals import Place
from django_durable.streaming.entries import LARGEST_VALUE, value_text
from django_durable.streaming.frames import Frame, frame, size_of
from django_durable.streaming.topics import Readers, Topic, database

# What is told to whoever comes.
RECENT_STEPS = 100
MOST_FRAMES = 1024
# Steps are found by the time they bear, and may be stored so much later.
LATE = timedelta(seconds=30)
# Steps come without hints; while none can finish there is no hurry.
LIVELY_LOOK_SECONDS = 0.5
_LIVELY = (Status.ENQUEUED, Status.PENDING)


@dataclass(frozen=True, slots=True)
class Told:
    """One thing to tell, known by ``name`` and by when it happened."""

    name: tuple[Any, ...]
    at: datetime
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class News:
    """What a look at a workflow found."""

    status: str | None
    created_at: datetime | None
    told: Sequence[Told]


class FeedTopic(Topic):
    """The news of one workflow."""

    has_offsets: ClassVar[bool] = False

    def __init__(self, hub: Readers, place: Place) -> None:
        super().__init__(hub, place)
        self.next_offset = 0
        self.frames: deque[Frame] = deque(maxlen=MOST_FRAMES)
        self._known: dict[tuple[Any, ...], datetime] = {}
        self._since: datetime | None = None
        self._floor: datetime | None = None
        self._steps: deque[dict[str, Any]] = deque(maxlen=RECENT_STEPS)
        self._events: dict[str, dict[str, Any]] = {}

    @property
    def targets(self) -> list[str]:
        workflow_id, _key = self.place
        return [any_event_name(workflow_id), result_target(workflow_id).name]

    @property
    def rhythm(self) -> float:
        return LIVELY_LOOK_SECONDS if self.status in _LIVELY else super().rhythm

    @property
    def ending(self) -> str | None:
        if self.is_gone:
            return "deleted"
        return "workflow_ended" if self.status in TERMINAL else None

    def welcome(self) -> dict[str, Any]:
        return {"next": self.next_offset, "status": self.status}

    def cursor(self) -> Cursor:
        return Cursor(self.place[0], self._since)

    @staticmethod
    def look(cursors: Sequence[Cursor]) -> list[News]:
        return look(cursors)

    def watch(self, start: int, largest: int) -> "FeedWatch":
        return FeedWatch(self)

    def take_in(self, news: News) -> bool:
        if not self.is_still(news.created_at):
            self.is_open.set()
            self.tell()
            return False
        self.status = news.status
        if not self.is_open.is_set():
            self._floor = _floor(news.told)
        for told in news.told:
            if self._known.get(told.name) != told.at:
                self._known[told.name] = told.at
                self._tell(told)
        self._forget_old()
        self.is_open.set()
        self.tell()
        return False

    def snapshot(self) -> Iterator[Frame]:
        """Yield what somebody is told who knows nothing."""
        for content in (*self._steps, *self._events.values()):
            yield _frame(content, self.next_offset)

    def _tell(self, told: Told) -> None:
        if told.content["t"] == "event":
            self._events[told.content["key"]] = told.content
        else:
            self._steps.append(told.content)
        if self.is_open.is_set():
            self.next_offset += 1
            self.frames.append(_frame(told.content, self.next_offset))

    def _forget_old(self) -> None:
        if not self._known:
            return
        self._since = max(self._known.values()) - LATE
        if self._floor is not None:
            self._since = max(self._since, self._floor)
        old = [name for name, at in self._known.items() if at < self._since]
        for name in old:
            del self._known[name]


class FeedWatch:
    """Where one watcher of a workflow stands."""

    def __init__(self, topic: FeedTopic) -> None:
        self.topic = topic
        self.offset = -1

    @property
    def has_all(self) -> bool:
        """Tell whether it has been told everything."""
        return self.topic.is_gone or self.offset == self.topic.next_offset

    async def take(self) -> list[Frame]:
        """Return what is new; after too long a pause, the present state."""
        told = self.topic.frames
        if self.has_all:
            return []
        is_known = self.offset >= 0 and told and told[0].next <= self.offset + 1
        if is_known:
            found = [frame for frame in told if frame.next > self.offset]
        else:
            found = list(self.topic.snapshot())
        self.offset = self.topic.next_offset
        return found


def look(cursors: Sequence[Cursor]) -> list[News]:
    """Read what has happened to some workflows, in one statement."""
    connection = connections[database()]
    found = see_news(connection, cursors, limit=RECENT_STEPS, largest=LARGEST_VALUE)
    return [_news(seen) for seen in found]


def _news(seen: SeenWorkflow) -> News:
    told = [*map(_step, seen.steps), *map(_event, seen.events)]
    return News(seen.status, seen.created_at, told)


def _step(step: SeenStep) -> Told:
    content = {
        "t": "step",
        "step": step.step_id,
        "branch": step.branch,
        "name": step.name,
        "kind": step.kind,
        "failed": step.failed,
        "at": step.at.isoformat(),
    }
    return Told((step.branch, step.step_id), step.at, content)


def _event(event: SeenEvent) -> Told:
    content: dict[str, Any] = {
        "t": "event",
        "key": event.key,
        "at": event.at.isoformat(),
    }
    value = None if event.value is None else value_text(event.value)
    if value is None or size_of(value) > LARGEST_VALUE:
        content["bytes"] = event.size
    else:
        content["v"] = value
    return Told((event.key,), event.at, content)


def _floor(told: Sequence[Told]) -> datetime | None:
    """Return when the steps begin that are told, None if those are all."""
    steps = [each.at for each in told if each.content["t"] == "step"]
    return min(steps) if len(steps) >= RECENT_STEPS else None


def _frame(content: dict[str, Any], number: int) -> Frame:
    text = text_of({**content, "next": number})
    return Frame(text, size_of(text), number)


def text_of(content: dict[str, Any]) -> str:
    """Return a message; its value is JSON already."""
    plain = {name: value for name, value in content.items() if name not in ("t", "v")}
    text = frame(content["t"], **plain)
    if "v" in content:
        text = f'{text[:-1]},"v":{content["v"]}}}'
    return text
