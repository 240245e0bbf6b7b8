"""Many sockets at once, from one process: what they get, and what they cost."""

import asyncio
import json
import resource
from contextlib import suppress
from urllib.request import urlopen

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

import django_durable as durable
from tests.streaming.clients import PROTOCOL, url

# Handshakes at a time: more than a server's backlog takes are refused.
AT_ONCE = 50


class Member:
    """One socket that counts what it is told; a slow one acknowledges nothing."""

    def __init__(self, server, scribe, key, *, is_slow=False):
        token = durable.stream_token(scribe.workflow_id, key, 3600)
        self._origin = f"http://127.0.0.1:{server.port}"
        self._address = url(server, workflow=scribe.workflow_id, key=key)
        self._hello = json.dumps({"t": "hello", "token": token})
        self._is_slow = is_slow
        self.values = []
        self.code = None

    async def join(self, gate):
        """Connect, and wait for the welcome."""
        async with gate:
            self._socket = await connect(
                self._address,
                origin=self._origin,
                subprotocols=[PROTOCOL],
                compression=None,
                proxy=None,
                open_timeout=60,
                close_timeout=0.1,
                ping_interval=None,
            )
            await self._socket.send(self._hello)
            welcome = json.loads(await self._socket.recv())
            assert welcome["t"] == "welcome", welcome

    async def read(self, count):
        """Read so many values; a slow member, until it is closed."""
        with suppress(ConnectionClosed):
            while self._is_slow or len(self.values) < count:
                message = json.loads(await self._socket.recv())
                if message["t"] == "data":
                    await self._take(message)
                elif message["t"] == "hb" and not self._is_slow:
                    await self._socket.send('{"t":"ping"}')
        if self._is_slow:
            self.code = self._socket.close_code

    async def _take(self, message):
        assert message["from"] == len(self.values)
        self.values += [entry["v"] for entry in message["entries"]]
        if not self._is_slow:
            ack = {"t": "ack", "next": len(self.values)}
            await self._socket.send(json.dumps(ack))

    async def leave(self):
        await self._socket.close()


class Crowd:
    """The members, in a loop of their own that a test lets run for a while."""

    def __init__(self, members):
        self.members = members
        self._runner = asyncio.Runner()

    def __enter__(self):
        _allow_files(len(self.members))
        self._runner.run(self._join())
        return self

    def __exit__(self, *exc_info):
        with self._runner:
            self._runner.run(self._leave())

    def read(self, count, meanwhile):
        """Let all read so many values, while ``meanwhile`` runs in a thread."""
        self._runner.run(self._read(count, meanwhile))

    async def _join(self):
        gate = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(member.join(gate) for member in self.members))

    async def _read(self, count, meanwhile):
        reading = [member.read(count) for member in self.members]
        await asyncio.gather(asyncio.to_thread(meanwhile), *reading)

    async def _leave(self):
        await asyncio.gather(*(member.leave() for member in self.members))


def counts_of(server):
    """Return what a server's hub has cost so far."""
    with urlopen(f"http://127.0.0.1:{server.port}/counts/", timeout=20) as answer:
        return json.load(answer)


def _allow_files(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count + 500:
        wanted = count + 500 if hard == resource.RLIM_INFINITY else hard
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
