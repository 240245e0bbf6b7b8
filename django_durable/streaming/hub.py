"""One reader per process for all who watch.

A topic is what somebody watches: it is read once for all of them, when a hint
says "look" and, because hints may be lost, at a slow rhythm. Many topics that
are due at the same time share a statement. Knows nothing of sockets.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context
from typing import TypeVar
from weakref import WeakKeyDictionary

from django.db import Error

from django_durable import clock, wakeup
from django_durable.models import faults
from django_durable.signals import LOOK, Place, gather
from django_durable.streaming.outages import outages
from django_durable.streaming.threads import Threads
from django_durable.streaming.topics import SLOW_LOOK_SECONDS, Hears, Topic

logger = logging.getLogger("django_durable")

# How often to look where nothing gives hints.
BLIND_LOOK_SECONDS = 0.25
# Two looks at one topic are at least so far apart; what is written meanwhile comes in
# one batch.
ROUND_SECONDS = 0.01
# When nobody knows what changed, a crowd of topics looks no more often than this.
CALM_SECONDS = 0.1
# So many topics share a statement.
MOST_TOPICS = 64
# So many watchers that are behind read the database at once.
MOST_READERS = 4

Kind = TypeVar("Kind", bound=Topic)


class StreamHub:
    """The topics of one event loop, and the task that reads them."""

    def __init__(self) -> None:
        self.readers = Threads(MOST_READERS, "watchers")
        self.queries = 0
        self._reader = Threads(1, "hub")
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._hinted: dict[Topic, int] = {}
        self._rung = asyncio.Event()
        self._topics: dict[tuple[type[Topic], Place], Topic] = {}
        self._subscriptions: dict[Topic, wakeup.Subscription] = {}
        self._task: asyncio.Task[None] | None = None
        self._ear = _make_ear(self)

    @contextmanager
    def watching(
        self, kind: type[Kind], place: Place, wake: Callable[[], None]
    ) -> Iterator[Kind]:
        """Give the topic of a place, read for as long as somebody watches it.

        It says something once it is open.
        """
        watcher = object()
        topic = self._topic(kind, place)
        topic.join(watcher, wake)
        try:
            yield topic
        finally:
            if topic.leave(watcher):
                self._forget(topic)

    def is_showing(self, kind: type[Topic], place: Place) -> bool:
        """Tell whether somebody watches a place already, and it exists."""
        topic = self._topics.get((kind, place))
        return topic is not None and topic.status is not None

    def hint(self, topic: Topic, reached: int = LOOK) -> None:
        """Look at a topic soon. From any thread.

        With what it has ``reached``, unless another hint lets it be seen before.
        """
        with self._lock:
            is_first = not self._hinted
            gather(self._hinted, {topic: reached})
        if is_first:
            wakeup.ring_loop(self._loop, self._rung.set)

    def close(self) -> None:
        """Stop reading, and give the connections back."""
        if self._task is not None:
            self._task.cancel()
        for topic in list(self._subscriptions):
            self._forget(topic)
        if self._ear is not None:
            self._ear.close()
        self._reader.close()
        self.readers.close()

    def _topic(self, kind: type[Kind], place: Place) -> Kind:
        topic = self._topics.get((kind, place))
        if topic is None or topic.is_gone:
            topic = self._topics[kind, place] = kind(self, place)
            ring = _Ring(self, topic)
            # Before the first look, so that nothing is missed in between.
            self._subscriptions[topic] = wakeup.hub.subscribe(
                topic.targets, ring, calm=CALM_SECONDS
            )
            if self._ear is not None:
                self._ear.listen(topic)
            self.hint(topic)
        if self._task is None or self._task.done():
            # Not in the context of the request that happens to come first.
            self._task = self._loop.create_task(self._read(), context=Context())
        return topic  # type: ignore[return-value]

    def _forget(self, topic: Topic) -> None:
        if self._topics.get((type(topic), topic.place)) is topic:
            del self._topics[type(topic), topic.place]
        if subscription := self._subscriptions.pop(topic, None):
            subscription.close()
            if self._ear is not None:
                self._ear.forget(topic)

    @property
    def _look_seconds(self) -> float:
        """How long to rely on hints."""
        is_told = self._ear is not None and self._ear.is_working
        is_told = is_told or wakeup.hub.has_hints
        return SLOW_LOOK_SECONDS if is_told else BLIND_LOOK_SECONDS

    async def _read(self) -> None:
        """Look at topics when they are due, for as long as there are any."""
        tries = 0
        while self._topics:
            began_at, due = clock.monotonic(), self._due()
            try:
                for batch in _batches(due):
                    await self._look(batch)
                tries = 0
            except Exception as error:
                tries += 1
                _report(error, tries)
                for topic in due:
                    self.hint(topic)
                await asyncio.sleep(faults.pause_seconds(tries + 2))
            rest = began_at + ROUND_SECONDS - clock.monotonic()
            await asyncio.sleep(max(0.0, rest))
            await self._wait()

    async def _look(self, topics: Sequence[Topic]) -> None:
        self.queries += 1
        cursors = [topic.cursor() for topic in topics]
        found = await self._reader.run(topics[0].look, cursors)
        now = clock.monotonic()
        for topic, news in zip(topics, found, strict=True):
            topic.looked_at = now
            if topic.take_in(news):
                self.hint(topic)

    def _due(self) -> list[Topic]:
        with self._lock:
            hinted, self._hinted = self._hinted, {}
            self._rung.clear()
        news = {topic for topic, till in hinted.items() if not topic.has_seen(till)}
        now, slow = clock.monotonic(), self._look_seconds
        watched = self._topics.values()
        due = [
            topic
            for topic in watched
            if topic in news or now - topic.looked_at >= min(slow, topic.rhythm)
        ]
        # Who comes due soon comes along: one statement for all is cheaper.
        if due and len(due) < MOST_TOPICS:
            soon = (t for t in watched if now - t.looked_at >= slow * 0.75)
            due = list(dict.fromkeys([*due, *soon]))
        return due

    async def _wait(self) -> None:
        slow, now = self._look_seconds, clock.monotonic()
        ages = (
            min(slow, topic.rhythm) - (now - topic.looked_at)
            for topic in self._topics.values()
        )
        timer = self._loop.call_later(max(0.0, min(ages, default=0.0)), self._rung.set)
        await self._rung.wait()
        timer.cancel()


class _Ring:
    """What the process's hub of hints calls, from any of its threads."""

    def __init__(self, hub: StreamHub, topic: Topic) -> None:
        self._hub, self._topic = hub, topic

    def __call__(self) -> None:
        self._hub.hint(self._topic)


def _report(error: Exception, tries: int) -> None:
    """Say once what goes wrong: a fault with its place, an outage in a line."""
    if tries > 1:
        return
    if isinstance(error, Error):
        outages.report("Watchers wait for the database: %s", error)
    else:
        logger.error("A look at what is watched failed", exc_info=error)


def _batches(topics: Iterable[Topic]) -> Iterator[list[Topic]]:
    by_kind: dict[type[Topic], list[Topic]] = {}
    for topic in topics:
        by_kind.setdefault(type(topic), []).append(topic)
    for alike in by_kind.values():
        for start in range(0, len(alike), MOST_TOPICS):
            yield alike[start : start + MOST_TOPICS]


def _deaf(hub: StreamHub) -> Hears | None:
    return None


_make_ear: Callable[[StreamHub], Hears | None] = _deaf


def hear_with(make_ear: Callable[[StreamHub], Hears | None]) -> None:
    """Give each hub to come a further source of hints, or None."""
    global _make_ear
    _make_ear = make_ear


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, StreamHub] = WeakKeyDictionary()


def hub_of_loop() -> StreamHub:
    """Return the hub of the running event loop."""
    loop = asyncio.get_running_loop()
    hub = _hubs.get(loop)
    if hub is None:
        hub = _hubs[loop] = StreamHub()
    return hub
