"""T-24: sockets that break off, mumble and say odd things, and come back."""

import asyncio
import json
from contextlib import suppress

import pytest
from django.db import connection
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

import django_durable as durable
from tests.journeys.processes import wait_until
from tests.streaming import servers
from tests.streaming.clients import PROTOCOL, url
from tests.streaming.crowds import counts_of
from tests.streaming.scribe import Scribe

HASTY = {
    "STREAM_HANDSHAKE_RATE": 100_000,
    "STREAM_HANDSHAKE_RATE_PER_ADDRESS": 100_000,
    "STREAM_HELLO_TIMEOUT": 0.5,
    "STREAM_ACK_TIMEOUT": 0.5,
    "STREAM_WINDOW_BYTES": 4000,
}
ODD = [
    b"\xff\xfe",
    "[",
    "null",
    "",
    '{"t":"ack"}',
    '{"t":"ack","next":1e400}',
    '{"t":"ack","next":0.0}',
    '{"t":"hello","token":"again"}',
    '{"t":"' + "x" * 70_000 + '"}',
    '{"t":"\ud7ff"}',
    "[" * 50_000,
]
# In one hundred messages: what a reader does instead of going on.
ABORTS, ODDITIES, SILENCES = 8, 8, 4


class Reader:
    """Reads a stream from its beginning, through any number of sockets."""

    def __init__(self, server, scribe, chance):
        self._server, self._scribe, self._chance = server, scribe, chance
        self.values = []
        self.sockets = 0

    async def read(self, count):
        """Read until there are so many values."""
        while len(self.values) < count:
            self.sockets += 1
            with suppress(ConnectionClosed):
                async with self._opened() as socket:
                    await self._follow(socket, count)

    def _opened(self):
        place = {"workflow": self._scribe.workflow_id, "key": "out"}
        return connect(
            url(self._server, **place, **{"from": len(self.values)}),
            origin=f"http://127.0.0.1:{self._server.port}",
            subprotocols=[PROTOCOL],
            compression=None,
            proxy=None,
            open_timeout=30,
            close_timeout=0.1,
        )

    async def _follow(self, socket, count):
        token = durable.stream_token(self._scribe.workflow_id, "out")
        is_stranger = self._chance.random() < 0.1
        if not is_stranger:
            await socket.send(json.dumps({"t": "hello", "token": token}))
        while len(self.values) < count:
            message = json.loads(await socket.recv())
            assert not is_stranger, message
            if message["t"] == "data":
                assert message["from"] == len(self.values)
                self.values += [entry["v"] for entry in message["entries"]]
            if not await self._goes_on(socket):
                return

    async def _goes_on(self, socket):
        """Acknowledge what was read, or do something else."""
        draw = self._chance.randrange(100)
        if draw < ABORTS:
            socket.transport.abort()
            return False
        if draw < ABORTS + ODDITIES:
            await socket.send(self._chance.choice(ODD))
        elif draw >= ABORTS + ODDITIES + SILENCES:
            await socket.send(json.dumps({"t": "ack", "next": len(self.values)}))
        return True


@pytest.mark.chaos("T-24 storms of sockets", share=0.5)
def test_readers_get_everything_once_however_often_they_break(
    dose, transactional_db, tmp_path
):
    """Whatever they say, the server forgets each, and logs no traceback."""
    size, count = dose.pick((6, 200), (60, 2000))
    for _ in dose.rounds():
        values = [f"{n} {'x' * dose.chance.randrange(1000)}" for n in range(count)]
        scribe, kind = Scribe(), dose.chance.choice(["uvicorn", "daphne"])
        with servers.running(kind, tmp_path, settings=HASTY) as server:
            readers = [Reader(server, scribe, dose.chance) for _ in range(size)]
            asyncio.run(storm(scribe, values, readers))
            wait_until(lambda: counts_of(server)["watchers"] == 0, "all forgotten")
            assert "Traceback" not in server.log
        dose.count("sockets", sum(reader.sockets for reader in readers))
        assert all(reader.values == values for reader in readers)


async def storm(scribe, values, readers):
    """Let all read while the values are written."""

    def write():
        try:
            for start in range(0, len(values), 5):
                scribe.write("out", *values[start : start + 5])
        finally:
            connection.close()

    reading = [reader.read(len(values)) for reader in readers]
    async with asyncio.timeout(100):
        await asyncio.gather(asyncio.to_thread(write), *reading)
