"""A channel layer of one process, and what it may be given."""

import asyncio

from django_durable import signals
from django_durable.streaming import layers

FORGED = [
    {"type": layers.KIND},
    {"type": layers.KIND, "topic": 5},
    {"type": layers.KIND, "topic": "5", "next": 1},
    {"type": layers.KIND, "topic": ["x"], "next": 1},
    {"type": layers.KIND, "topic": 5, "next": "drop"},
    {"type": layers.KIND, "topic": 5, "next": None},
    {"type": layers.KIND, "topic": 5, "next": 1.5},
    {"type": layers.KIND, "topic": 5, "next": True},
    {"type": layers.KIND, "topic": 5, "next": -1},
    {"type": layers.KIND, "topic": 5, "next": 2**64 - 1},
    {"type": "websocket.send", "text": "forged"},
    {"topic": "x" * 10_000},
]


class Layer:
    """A layer of one process, that counts what it is asked for."""

    def __init__(self):
        self.groups = set()
        self.sent = 0
        self.messages = asyncio.Queue()

    async def new_channel(self, prefix):
        return prefix

    async def group_add(self, group, channel):
        self.groups.add(group)

    async def group_discard(self, group, channel):
        self.groups.discard(group)

    async def group_send(self, group, message):
        self.sent += 1
        if group in self.groups:
            self.messages.put_nowait(message)

    async def receive(self, channel):
        return await self.messages.get()


class Hub:
    """Keeps the hints that it is given."""

    def __init__(self):
        self.hinted = {}

    def hint(self, topic, reached=signals.LOOK):
        self.hinted[topic] = reached
