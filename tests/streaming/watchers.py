"""Watchers of a hub, without sockets."""

import asyncio
from contextlib import ExitStack

from django_durable.streaming.hub import StreamHub
from django_durable.streaming.streams import StreamTopic, StreamWatch


class Watcher:
    """Keeps what one watcher is given."""

    def __init__(self, hub, scribe):
        self.frames = []
        self.news = asyncio.Event()
        self._hub, self._place = hub, (scribe.workflow_id, "out")

    def __enter__(self):
        self._stack = ExitStack()
        watching = self._hub.watching(StreamTopic, self._place, self.news.set)
        self.topic = self._stack.enter_context(watching)
        return self

    def __exit__(self, *exc_info):
        self._stack.close()

    async def open(self):
        await self.topic.is_open.wait()
        self.watch = StreamWatch(self.topic, 0)
        return self

    async def read(self, until):
        """Read until the watcher stands at an offset."""
        while self.watch.offset < until:
            self.news.clear()
            frames = await self.watch.take()
            self.frames += frames
            if not frames:
                await self.news.wait()
        return self


def with_hub(test):
    """Run a coroutine with a hub of its own, in bounded time."""

    async def main():
        hub = StreamHub()
        try:
            async with asyncio.timeout(20):
                return await test(hub)
        finally:
            hub.close()

    return asyncio.run(main())
