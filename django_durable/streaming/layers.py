"""Hints over a channel layer, beside those that the database gives.

For deployments in which nobody hears a NOTIFY. One group for each workflow; a
message says which place of it has news, and how far it is, never what: it may be
lost, and a forged one costs a look. The layer in memory reaches nobody whom the
process's own hints do not reach.
"""

import asyncio
import hashlib
import logging
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from weakref import WeakValueDictionary

from channels.layers import InMemoryChannelLayer, channel_layers
from django.conf import settings

from django_durable import clock, conf, signals
from django_durable.models import faults
from django_durable.streaming import hub as hubs
from django_durable.streaming.hub import StreamHub
from django_durable.streaming.topics import Topic

logger = logging.getLogger("django_durable")

PREFIX = "durable."
KIND = "durable.look"
# How long Redis may be silent: less than clients of it wait for an answer.
BLOCKING_SECONDS = 1
_LARGEST = 2**63 - 1
_END = "workflow:"
# What is to be told: a place, or with None for a key all of a workflow.
News = dict[tuple[str, str | None], int]


def connect() -> None:
    """Let commits ring over the layer, and hubs hear it."""
    signals.published.connect(on_published, dispatch_uid="django_durable.layers")
    hubs.hear_with(_ear_of)


def group_of(workflow_id: str) -> str:
    """Return the group of a workflow: layers allow few characters in its name."""
    return PREFIX + _digest(workflow_id, 16).hex()


def topic_of(workflow_id: str, key: str | None = None) -> int:
    """Return what messages call a place, or without a key the end of a workflow."""
    place = workflow_id if key is None else f"{workflow_id}\0{key}"
    return int.from_bytes(_digest(place, 8)) >> 1


def _digest(text: str, size: int) -> bytes:
    given = text.encode(errors="surrogatepass")
    return hashlib.blake2b(given, digest_size=size).digest()


def on_published(
    targets: Sequence[str], news: Mapping[signals.Place, int], **_: Any
) -> None:
    """Ring for those facts that browsers may watch."""
    watched: News = dict(news.items())
    for name in targets:
        if name.startswith(_END):
            watched[name.removeprefix(_END), None] = signals.LOOK
    if watched and _alias() is not None:
        _announcer.ring(watched)


def _alias() -> str | None:
    """Return the alias of a layer that reaches other processes, if there is one."""
    alias = conf.current().stream_channel_layer
    layers = getattr(settings, "CHANNEL_LAYERS", {})
    if alias is None or alias not in layers:
        return None
    in_memory = isinstance(channel_layers[alias], InMemoryChannelLayer)
    return None if in_memory else alias


def _new_layer(alias: str) -> Any:
    # Of its own: a layer's connections belong to one event loop.
    layer: Any = channel_layers.make_backend(alias)
    if hasattr(type(layer), "brpop_timeout"):
        # Of channels_redis, as long as redis-py 8 waits for any answer: whoever is
        # silent for so long would count as gone.
        layer.brpop_timeout = BLOCKING_SECONDS
    return layer


async def round_trip(alias: str) -> float:
    """Return how many seconds a message takes through a layer, to oneself."""
    layer = _new_layer(alias)
    channel = await layer.new_channel("durable")
    group = group_of(channel)
    await layer.group_add(group, channel)
    began = clock.monotonic()
    await _send(layer, {(channel, None): signals.LOOK})
    await layer.receive(channel)
    took = clock.monotonic() - began
    await layer.group_discard(group, channel)
    return took


class Announcer:
    """A thread that sends what has been rung, each place once however often."""

    _thread: threading.Thread | None

    def __init__(self) -> None:
        self.start_anew()

    def ring(self, news: News) -> None:
        """Send, soon, that there is news."""
        with self._lock:
            signals.gather(self._news, news)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="durable-announcer", daemon=True
                )
                self._thread.start()
        self._rung.set()

    def start_anew(self) -> None:
        """Know of no thread: a forked child has none."""
        self._lock = threading.Lock()
        self._news: News = {}
        self._rung = threading.Event()
        self._thread = None

    def _run(self) -> None:
        known: tuple[Any, Any] = (None, None)
        with asyncio.Runner() as runner:
            while self._rung.wait():
                self._rung.clear()
                with self._lock:
                    news, self._news = self._news, {}
                try:
                    alias = _alias()
                    if alias is None:
                        continue
                    if known[0] is not channel_layers[alias]:
                        known = channel_layers[alias], _new_layer(alias)
                    runner.run(_send(known[1], news))
                except Exception as error:
                    logger.debug("A hint was lost: %s", error)


_announcer = Announcer()
os.register_at_fork(after_in_child=_announcer.start_anew)


async def _send(layer: Any, news: News) -> None:
    for place, reached in news.items():
        message = {"type": KIND, "topic": topic_of(*place), "next": reached}
        await layer.group_send(group_of(place[0]), message)


def _ear_of(hub: StreamHub) -> "Ear | None":
    alias = _alias()
    return None if alias is None else Ear(hub, _new_layer(alias))


class Ear:
    """One channel per process, in the groups of what is watched there."""

    def __init__(self, hub: StreamHub, layer: Any) -> None:
        self.is_working = False
        # Messages that were none of ours.
        self.ignored = 0
        self._hub, self._layer = hub, layer
        self._topics: dict[int, set[Topic]] = {}
        self._groups: dict[str, set[Topic]] = {}
        # What joins a group and what leaves it would overtake each other.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._channel: str | None = None
        self._tasks = {asyncio.ensure_future(self._listen())}

    def listen(self, topic: Topic) -> None:
        """Hear what rings for a topic."""
        for number in _numbers_of(topic):
            self._topics.setdefault(number, set()).add(topic)
        group = group_of(topic.place[0])
        watched = self._groups.setdefault(group, set())
        watched.add(topic)
        if len(watched) == 1 and self._channel is not None:
            self._do(self._join(group, self._channel))

    def forget(self, topic: Topic) -> None:
        """Hear it no more."""
        for number in _numbers_of(topic):
            self._topics[number].discard(topic)
            if not self._topics[number]:
                del self._topics[number]
        group = group_of(topic.place[0])
        self._groups[group].discard(topic)
        if not self._groups[group]:
            del self._groups[group]
            if self._channel is not None:
                self._do(self._leave(group, self._channel))

    async def _join(self, group: str, channel: str) -> None:
        """Hear of a workflow from now on, and look at what was missed till now."""
        async with self._turns.setdefault(group, asyncio.Lock()):
            if group in self._groups:
                await self._layer.group_add(group, channel)
        for topic in self._groups.get(group, ()):
            self._hub.hint(topic)

    async def _leave(self, group: str, channel: str) -> None:
        """Hear of a workflow no more, unless somebody watches it again."""
        async with self._turns.setdefault(group, asyncio.Lock()):
            if group not in self._groups:
                await self._layer.group_discard(group, channel)

    def close(self) -> None:
        """Stop hearing."""
        for task in self._tasks:
            task.cancel()

    def _do(self, call: Any) -> None:
        async def attempt() -> None:
            try:
                await call
            except Exception as error:
                logger.debug("A channel layer did not answer: %s", error)

        task = asyncio.ensure_future(attempt())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _listen(self) -> None:
        tries = 0
        while True:
            try:
                channel = await self._layer.new_channel("durable")
                self._channel = channel
                for group in list(self._groups):
                    await self._join(group, channel)
                self.is_working = True
                while True:
                    self._hear(await self._layer.receive(channel))
                    tries = 0
            except Exception as error:
                self.is_working, self._channel = False, None
                if tries == 0:
                    logger.warning("A channel layer failed, looking: %s", error)
                tries += 1
            await asyncio.sleep(faults.pause_seconds(tries + 3))

    def _hear(self, message: Any) -> None:
        """Look, where there is something that has not been seen by then."""
        hint = _hint_in(message)
        if hint is None:
            self.ignored += 1
            return
        number, reached = hint
        for topic in self._topics.get(number, ()):
            self._hub.hint(topic, reached)


def _numbers_of(topic: Topic) -> Iterable[int]:
    """Return what messages call that a topic has to hear of."""
    workflow_id, key = topic.place
    return topic_of(workflow_id, key), topic_of(workflow_id)


def _hint_in(message: Any) -> tuple[int, int] | None:
    """Return topic and offset of a message, None where it is none of ours."""
    if not isinstance(message, dict) or message.get("type") != KIND:
        return None
    number, reached = message.get("topic"), message.get("next")
    if type(number) is not int or type(reached) is not int:
        return None
    return (number, reached) if 0 <= reached <= _LARGEST else None
