"""Hints over a channel layer, beside those that the database gives.

For deployments in which nobody hears a NOTIFY. A message says which group has
news, never what: it may be lost, and a forged one costs a look. The layer in
memory reaches nobody whom the process's own hints do not reach.
"""

import asyncio
import hashlib
import logging
import os
import threading
from collections.abc import Iterable, Sequence
from typing import Any

from channels.layers import InMemoryChannelLayer, channel_layers
from django.conf import settings

from django_durable import clock, conf, signals
from django_durable.models import faults
from django_durable.models.targets import names_of
from django_durable.streaming import hub as hubs
from django_durable.streaming.hub import StreamHub
from django_durable.streaming.topics import Topic

logger = logging.getLogger("django_durable")

PREFIX = "durable."
LOOK = "durable.look"
# Who waits for these is no browser.
_UNWATCHED = ("message:", "timer", signals.QUEUE)


def connect() -> None:
    """Let commits ring over the layer, and hubs hear it."""
    signals.published.connect(on_published, dispatch_uid="django_durable.layers")
    hubs.hear_with(_ear_of)


def group_of(target: str) -> str:
    """Return the group of a target: layers allow few characters in its name."""
    digest = hashlib.blake2b(target.encode(errors="surrogatepass"), digest_size=16)
    return PREFIX + digest.hexdigest()


def on_published(targets: Sequence[str], **_: Any) -> None:
    """Ring for those facts that browsers may watch."""
    watched = [name for name in targets if not name.startswith(_UNWATCHED)]
    if watched and _alias() is not None:
        _announcer.ring(name for target in watched for name in names_of(target))


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
    return channel_layers.make_backend(alias)


async def round_trip(alias: str) -> float:
    """Return how many seconds a message takes through a layer, to oneself."""
    layer = _new_layer(alias)
    channel = await layer.new_channel("durable")
    group = group_of(channel)
    await layer.group_add(group, channel)
    began = clock.monotonic()
    await layer.group_send(group, {"type": LOOK, "group": group})
    await layer.receive(channel)
    took = clock.monotonic() - began
    await layer.group_discard(group, channel)
    return took


class Announcer:
    """A thread that sends what has been rung, each name once however often."""

    _thread: threading.Thread | None

    def __init__(self) -> None:
        self.start_anew()

    def ring(self, names: Iterable[str]) -> None:
        """Send, soon, that there is news about some names."""
        with self._lock:
            self._names.update(names)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="durable-announcer", daemon=True
                )
                self._thread.start()
        self._rung.set()

    def start_anew(self) -> None:
        """Know of no thread: a forked child has none."""
        self._lock = threading.Lock()
        self._names: set[str] = set()
        self._rung = threading.Event()
        self._thread = None

    def _run(self) -> None:
        known: tuple[Any, Any] = (None, None)
        with asyncio.Runner() as runner:
            while self._rung.wait():
                self._rung.clear()
                with self._lock:
                    names, self._names = self._names, set()
                try:
                    alias = _alias()
                    if alias is None:
                        continue
                    if known[0] is not channel_layers[alias]:
                        known = channel_layers[alias], _new_layer(alias)
                    runner.run(_send(known[1], names))
                except Exception as error:
                    logger.debug("A hint was lost: %s", error)


_announcer = Announcer()
os.register_at_fork(after_in_child=_announcer.start_anew)


async def _send(layer: Any, names: Iterable[str]) -> None:
    for name in names:
        group = group_of(name)
        await layer.group_send(group, {"type": LOOK, "group": group})


def _ear_of(hub: StreamHub) -> "Ear | None":
    alias = _alias()
    return None if alias is None else Ear(hub, _new_layer(alias))


class Ear:
    """One channel per process, in the groups of what is watched there."""

    def __init__(self, hub: StreamHub, layer: Any) -> None:
        self.is_working = False
        self._hub, self._layer = hub, layer
        self._topics: dict[str, set[Topic]] = {}
        self._channel: str | None = None
        self._tasks = {asyncio.ensure_future(self._listen())}

    def listen(self, topic: Topic) -> None:
        """Hear what rings for a topic."""
        for group in map(group_of, topic.targets):
            topics = self._topics.setdefault(group, set())
            topics.add(topic)
            if len(topics) == 1 and self._channel is not None:
                self._do(self._layer.group_add(group, self._channel))

    def forget(self, topic: Topic) -> None:
        """Hear it no more."""
        for group in map(group_of, topic.targets):
            topics = self._topics.get(group, set())
            topics.discard(topic)
            if topics or self._topics.pop(group, None) is None:
                continue
            if self._channel is not None:
                self._do(self._layer.group_discard(group, self._channel))

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
                for group in list(self._topics):
                    await self._layer.group_add(group, channel)
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
        """Look; what is no hint for this process is passed over."""
        if not isinstance(message, dict) or message.get("type") != LOOK:
            return
        group = message.get("group")
        for topic in self._topics.get(group, ()) if isinstance(group, str) else ():
            self._hub.hint(topic)
