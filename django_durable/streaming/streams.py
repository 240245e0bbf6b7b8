"""A stream that is watched: followed from a ring, caught up from the database."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connections

from django_durable.models.status import TERMINAL
from django_durable.models.targets import result_target, stream_target
from django_durable.models.watching import Seen, Wanted, earliest_offset, see
from django_durable.signals import LOOK, Place
from django_durable.streaming.entries import (
    LARGEST_FRAME,
    LARGEST_VALUE,
    MOST_ENTRIES,
    Entry,
    entry_of,
)
from django_durable.streaming.frames import Frame, fit, frame, frame_of, size_of
from django_durable.streaming.rings import Ring
from django_durable.streaming.topics import Readers, Topic, database

# Of each stream, where many are read at once.
SHARED_ENTRIES = 32
# So many messages are kept for those who want the same ones.
MOST_FRAMES = 16
# An offset that nothing has: asks for the state alone.
NOWHERE = 2**62


@dataclass(frozen=True, slots=True)
class News:
    """What a look found, ready to be sent."""

    seen: Seen
    entries: list[Entry] = field(default_factory=list)
    earliest: int = 0


class StreamTopic(Topic):
    """One stream of one workflow."""

    def __init__(self, hub: Readers, place: Place) -> None:
        super().__init__(hub, place)
        self.ring = Ring(0)
        self.next_offset = 0
        self.earliest = 0
        self.is_closed = False
        self._frames: dict[tuple[int, int, bool], Frame] = {}
        self._reads: dict[tuple[int, int], asyncio.Task[News]] = {}

    @property
    def targets(self) -> list[str]:
        workflow_id, key = self.place
        stream = stream_target(workflow_id, key)
        return [stream.name, result_target(workflow_id).name]

    def welcome(self) -> dict[str, Any]:
        return {
            "earliest": self.earliest,
            "next": self.next_offset,
            "status": self.status,
        }

    @property
    def ending(self) -> str | None:
        if self.is_gone:
            return "deleted"
        if self.is_closed:
            return "closed"
        return "workflow_ended" if self.status in TERMINAL else None

    def has_seen(self, reached: int) -> bool:
        return self.is_open.is_set() and LOOK < reached <= self.next_offset

    def cursor(self) -> Wanted:
        offset = self.ring.next if self.is_open.is_set() else NOWHERE
        return Wanted(*self.place, offset)

    @staticmethod
    def look(cursors: Sequence[Wanted]) -> list[News]:
        limit = MOST_ENTRIES if len(cursors) == 1 else SHARED_ENTRIES
        return read(cursors, limit)

    def watch(self, start: int, largest: int) -> "StreamWatch":
        return StreamWatch(self, start, largest=largest)

    def take_in(self, news: News) -> bool:
        seen, self._frames = news.seen, {}
        if not self.is_still(seen.created_at):
            self.is_open.set()
            self.tell()
            return False
        self.status, self.is_closed = seen.status, seen.is_closed
        self.next_offset = seen.next_offset
        if not self.is_open.is_set():
            self.ring.clear(seen.next_offset)
            self.earliest = news.earliest
            self.is_open.set()
        elif news.entries:
            self.ring.add(news.entries)
        elif seen.next_offset != self.ring.next:
            # What was to be read has been deleted.
            self.ring.clear(seen.next_offset)
        self.tell()
        return seen.next_offset > self.ring.next

    async def read_behind(self, offset: int, limit: int) -> News:
        """Read what the ring does not hold, once for all who ask at a time."""
        key = offset, limit
        task = self._reads.get(key)
        if task is None:
            wanted = [Wanted(*self.place, offset)]
            self.hub.queries += 1
            task = asyncio.ensure_future(self.hub.readers.run(_read_one, wanted, limit))
            self._reads[key] = task
            task.add_done_callback(lambda _: self._reads.pop(key, None))
        news = await asyncio.shield(task)
        if not self.is_still(news.seen.created_at):
            self.tell()
        return news

    def frame_of(self, entries: list[Entry]) -> Frame:
        """Return entries as a message, the same one for all who get it."""
        end = entries[-1].offset + 1
        has_more = end < self.next_offset
        key = entries[0].offset, end, has_more
        if key not in self._frames:
            if len(self._frames) >= MOST_FRAMES:
                self._frames.clear()
            self._frames[key] = frame_of(entries, has_more=has_more)
        return self._frames[key]


class StreamWatch:
    """Where one watcher of a stream stands, whose frames are as ``largest``."""

    def __init__(
        self, topic: StreamTopic, start: int, *, largest: int = LARGEST_FRAME
    ) -> None:
        self.topic = topic
        self._largest = min(largest, LARGEST_FRAME)
        self.offset = topic.ring.next if start < 0 else start
        self._limit = MOST_ENTRIES

    @property
    def has_all(self) -> bool:
        """Tell whether it has been given everything that is written."""
        return self.topic.is_gone or self.offset >= self.topic.next_offset

    async def take(self) -> list[Frame]:
        """Return the next messages, none when there is nothing to read now."""
        ring = self.topic.ring
        if self.topic.is_gone or self.offset >= ring.next:
            return []
        if self.offset >= ring.first:
            return [self._frame(ring.read(self.offset, MOST_ENTRIES))]
        news = await self.topic.read_behind(self.offset, self._limit)
        if self.topic.is_gone:
            return []
        if news.entries and news.entries[0].offset == self.offset:
            taken = self._frame(news.entries)
            # What a frame has no room for is read again: ask for as much as fits.
            self._limit = min(MOST_ENTRIES, 2 * (taken.next - news.entries[0].offset))
            return [taken]
        return self._gap(news)

    def _frame(self, entries: list[Entry]) -> Frame:
        found = self.topic.frame_of(fit(entries, self._largest))
        self.offset = found.next
        return found

    def _gap(self, news: News) -> list[Frame]:
        """Say that what was wanted is not kept any more."""
        start = max(self.offset, news.earliest)
        if start == self.offset:
            return []
        text = frame(
            "gap", **{"from": self.offset, "to": start - 1, "reason": "retention"}
        )
        self.offset = start
        return [Frame(text, size_of(text), start)]


def read(cursors: Sequence[Wanted], limit: int) -> list[News]:
    """Read streams in one statement, and encode their entries once."""
    connection = connections[database()]
    found = see(connection, cursors, limit=limit, largest=LARGEST_VALUE)
    return [_news(wanted, seen) for wanted, seen in zip(cursors, found, strict=True)]


def _read_one(wanted: Sequence[Wanted], limit: int) -> News:
    return read(wanted, limit)[0]


def _news(wanted: Wanted, seen: Seen) -> News:
    place = wanted.workflow_id, wanted.key
    entries = [entry_of(*place, stored) for stored in seen.entries]
    earliest = wanted.offset
    is_behind = wanted.offset < seen.next_offset or wanted.offset == NOWHERE
    if is_behind and (not entries or entries[0].offset != wanted.offset):
        earliest = _earliest(place, seen)
    return News(seen, entries, earliest)


def _earliest(place: Place, seen: Seen) -> int:
    if seen.next_offset == 0:
        return 0
    found = earliest_offset(connections[database()], *place)
    return seen.next_offset if found is None else found
