"""A network on the loopback that can be broken: TCP here, PostgreSQL behind it.

What it can do: pass, delay, refuse newcomers, stop the traffic in both directions
and let it go on later, reset connections, cut one at a chosen COMMIT, and keep back
what a listener would hear.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from tests.chaos.wire import Answers, Request, Requests, Silence, Transaction

T = TypeVar("T")
What = Literal["before", "after", "stop"]
Judge = Callable[[str], What | None]

SECONDS = 20
CHUNK = 1 << 16


@dataclass
class Trap:
    """What is to happen at the next COMMIT of a kind.

    ``before``: the connection ends and the COMMIT never arrives. ``after``: it
    happens, and nobody is told. ``stop``: the traffic of all stops first.
    """

    what: What
    words: tuple[str, ...]
    left: int = 1
    sprung: threading.Event = field(default_factory=threading.Event)

    def __call__(self, committed: str) -> What | None:
        """Judge what is being committed."""
        if not self.left or not all(word in committed for word in self.words):
            return None
        self.left -= 1
        self.sprung.set()
        return self.what


class Proxy:
    """Stands between clients and a server; all its methods are for any thread.

    ``is_silent`` keeps notifications from those who connect from now on, as a
    pooler in transaction mode does; ``is_deaf`` ends the connection of who listens.
    """

    def __init__(self, host: str, port: str = "5432") -> None:
        self.judges: list[Judge] = []
        self.cuts = 0
        self.newcomers = 0
        self.errors: list[BaseException] = []
        self.is_silent = False
        self.is_deaf = False
        self._host, self._port_behind = host, port or "5432"
        self._delay_seconds = 0.0
        self._is_refusing = False
        self._links: set[_Link] = set()
        self._loop = asyncio.new_event_loop()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._thread = threading.Thread(target=self._turn, name="proxy", daemon=True)
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._meet, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def trap(self, what: What, *words: str) -> Trap:
        """Wait for the COMMIT in which all ``words`` occur, and do it then, once."""
        trap = Trap(what, words)
        self.judges.append(trap)
        return trap

    def stop(self) -> None:
        """Let nothing through in either direction, nor anything get lost."""
        self._call(self._flowing.clear)

    def go_on(self) -> None:
        """Let pass what is held and what comes."""
        self._call(self._flowing.set)

    def delay(self, seconds: float) -> None:
        """Let each request take so much longer."""
        self._delay_seconds = seconds

    def refuse(self, *, is_refusing: bool = True) -> None:
        """Reset each new connection at once."""
        self._is_refusing = is_refusing

    def reset(self) -> int:
        """Reset all connections; return how many there were."""
        return self._do(self._reset())

    def calm(self) -> None:
        """Delay, refuse and stop nothing any more."""
        self.delay(0)
        self.refuse(is_refusing=False)
        self.go_on()

    def heal(self) -> None:
        """Break nothing any more, COMMITs included."""
        self.judges.clear()
        self.calm()

    def close(self) -> None:
        """End all connections."""
        self.heal()
        self.reset()
        self._call(self._server.close)
        self._call(self._loop.stop)
        self._thread.join(SECONDS)
        self._loop.close()
        if self.errors:
            raise self.errors[0]

    async def _meet(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.newcomers += 1
        link = _Link(self, reader, writer)
        self._links.add(link)
        try:
            if not self._is_refusing:
                await link.run(*await self._behind())
        except OSError:
            pass  # Either side has gone, or there is no server.
        except Exception as error:
            self.errors.append(error)
        finally:
            link.reset()
            self._links.discard(link)

    async def _behind(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        await self._flowing.wait()
        if self._host.startswith("/"):
            path = Path(self._host) / f".s.PGSQL.{self._port_behind}"
            return await asyncio.open_unix_connection(path)
        return await asyncio.open_connection(self._host, int(self._port_behind))

    async def through(self, request: bytes | None = None) -> None:
        """Wait as long as the network takes."""
        if request is not None and self._delay_seconds:
            await asyncio.sleep(self._delay_seconds)
        await self._flowing.wait()

    def judge(self, committed: str) -> What | None:
        """Return what is to happen at a COMMIT."""
        for judge in list(self.judges):
            if (what := judge(committed)) is not None:
                self.cuts += what != "stop"
                if what == "stop":
                    self._flowing.clear()
                return what
        return None

    async def _reset(self) -> int:
        links = list(self._links)
        for link in links:
            link.reset()
        return len(links)

    def _turn(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())

    def _call(self, function: Callable[[], object]) -> None:
        async def call() -> None:
            function()

        self._do(call())

    def _do(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(SECONDS)


class _Link:
    """One client's connection, with the server's behind it."""

    def __init__(
        self,
        proxy: Proxy,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._proxy = proxy
        self._reader, self._writer = reader, writer
        self._writers = [writer]
        self._transaction = Transaction()
        self._is_answer_lost = False

    async def run(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Pass on what both say until one of them ends."""
        self._writers.append(writer)
        ways = self._up(writer), self._down(reader)
        pumps = {asyncio.ensure_future(way) for way in ways}
        try:
            done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        for pump in done:
            pump.result()

    def reset(self) -> None:
        """Drop both connections; the client's with a RST instead of a goodbye."""
        for writer in self._writers:
            raw = writer.get_extra_info("socket")
            with suppress(OSError):  # It is closed already.
                linger = struct.pack("ii", 1, 0)
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()

    async def _up(self, writer: asyncio.StreamWriter) -> None:
        requests = Requests()
        while data := await self._reader.read(CHUNK):
            for request in requests.feed(data):
                if not await self._may_pass(request):
                    return
                writer.write(request.raw)
            await writer.drain()

    async def _may_pass(self, request: Request) -> bool:
        committed = self._transaction.committed_by(request)
        what = self._proxy.judge(committed) if committed else None
        self._is_answer_lost = what == "after"
        if what == "before" or (self._proxy.is_deaf and request.verb == "LISTEN"):
            return False
        await self._proxy.through(request.raw)
        return True

    async def _down(self, reader: asyncio.StreamReader) -> None:
        answers = Answers()
        silence = Silence() if self._proxy.is_silent else None
        while data := await reader.read(CHUNK):
            if silence is not None:
                data = silence.feed(data)
            states = answers.feed(data)
            for state in states:
                self._transaction.learn(state)
            if self._is_answer_lost:
                if states:
                    return
                continue
            await self._proxy.through()
            self._writer.write(data)
            await self._writer.drain()


@contextmanager
def standing_before(settings: dict[str, Any]) -> Iterator[Proxy]:
    """Yield a proxy to the server of an entry of DATABASES."""
    options = settings["OPTIONS"]
    host = options.get("host") or settings["HOST"] or "localhost"
    proxy = Proxy(host, str(options.get("port") or settings["PORT"]))
    try:
        yield proxy
    finally:
        proxy.close()


def through(proxy: Proxy, settings: dict[str, Any]) -> dict[str, Any]:
    """Return what to change in an entry of DATABASES to lead through a proxy."""
    plain = {"sslmode": "disable", "gssencmode": "disable"}
    return {
        "HOST": "127.0.0.1",
        "PORT": str(proxy.port),
        "OPTIONS": {**without_place(settings["OPTIONS"]), **plain},
    }


def without_place(options: dict[str, Any]) -> dict[str, Any]:
    """Return a database's options without those that say where it is."""
    return {k: v for k, v in options.items() if k not in ("host", "port")}
