"""One WebSocket: a task that listens, and the means to answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from django.conf import settings
from django.http import parse_cookie

from django_durable import clock, conf
from django_durable.streaming.frames import SUBPROTOCOL, BadMessage, Close, Said, parse
from django_durable.streaming.limits import Rate, Window
from django_durable.streaming.story import Closing

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CLOSING_SECONDS = 5.0
# What is added to a code of the protocol that a server does not send for us.
OWN_CODES = 3000


class ServerRefuses(Exception):
    """The web server does not send this code; caught where the socket closes."""


class Left(Exception):
    """The other side has gone."""


class Socket:
    """What a client says, kept until somebody looks at it, and what it is told."""

    __slots__ = (
        "_awake",
        "_greeting",
        "_has_left",
        "_rate",
        "_receive",
        "_refusal",
        "_send",
        "heard_at",
        "owes_pong",
        "said_at",
        "window",
    )

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._awake = asyncio.Event()
        self._rate = Rate()
        self._greeting: Said | None = None
        self._refusal: Close | None = None
        self._has_left = False
        self.window: Window | None = None  # None until it is admitted.
        self.owes_pong = False
        self.heard_at = self.said_at = clock.monotonic()

    def wake(self) -> None:
        """Let whoever sends look again."""
        self._awake.set()

    async def accept(self, scope: Scope) -> None:
        """Accept, so that a refusal can say why; raises Closing."""
        await self._receive()
        offered = scope.get("subprotocols") or []
        chosen = SUBPROTOCOL if SUBPROTOCOL in offered else None
        await self._put({"type": "websocket.accept", "subprotocol": chosen})
        if offered and chosen is None:
            raise Closing(Close.BAD_MESSAGE)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Hear what the client says during a block."""
        task = asyncio.ensure_future(self._listen())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def greeting(self, seconds: float) -> Said | None:
        """Wait for a hello, None if there is none in time."""
        give_up_at = clock.monotonic() + seconds
        while self._greeting is None:
            self.look()
            left = give_up_at - clock.monotonic()
            if left <= 0:
                return None
            await self.pause(left)
        return self._greeting

    def look(self) -> None:
        """See what has happened until now; raises as ``check()``."""
        self._awake.clear()
        self.check()

    def check(self) -> None:
        """Raise Left or Closing if the client has gone, or has to go."""
        if self._has_left:
            raise Left
        if self._refusal is not None:
            raise Closing(self._refusal)

    async def pause(self, seconds: float) -> None:
        """Wait for something to happen; ``look()`` comes before."""
        loop = asyncio.get_running_loop()
        timer = loop.call_later(max(0.0, seconds), self._awake.set)
        try:
            await self._awake.wait()
        finally:
            timer.cancel()

    async def say(self, text: str) -> None:
        """Send a message; raises Left, and Closing where nobody reads."""
        try:
            async with asyncio.timeout(conf.current().stream_ack_timeout):
                await self._put({"type": "websocket.send", "text": text})
        except TimeoutError:
            raise Closing(Close.SLOW) from None
        self.said_at = clock.monotonic()

    async def close(self, code: Close) -> None:
        """Close, if the other side still listens."""
        with suppress(Left, TimeoutError):
            async with asyncio.timeout(CLOSING_SECONDS):
                try:
                    await self._put_close(code)
                except ServerRefuses:
                    await self._put_close(code + OWN_CODES)

    async def _put_close(self, code: int) -> None:
        try:
            await self._put({"type": "websocket.close", "code": int(code)})
        except (Left, TimeoutError):
            raise
        except Exception as error:
            # Daphne sends no code that the protocol keeps for itself but 1000.
            if not Close.DONE < code < OWN_CODES:
                raise
            raise ServerRefuses from error

    async def _put(self, message: Message) -> None:
        try:
            await self._send(message)
        except (OSError, RuntimeError) as error:
            # What servers raise once a connection is gone.
            if isinstance(error, TimeoutError):
                raise
            raise Left from None

    async def _listen(self) -> None:
        while self._refusal is None:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                self._has_left = True
                self.wake()
                return
            try:
                self._hear(message)
            except Closing as closing:
                self._refusal = closing.code
            self.wake()

    def _hear(self, message: Message) -> None:
        self.heard_at = clock.monotonic()
        if not self._rate.allows_one(conf.current().stream_message_rate):
            raise Closing(Close.TOO_MANY)
        try:
            said = parse(message.get("text"))
        except BadMessage:
            raise Closing(Close.BAD_MESSAGE) from None
        if said.kind == "hello":
            self._greet(said)
        elif self.window is None:
            raise Closing(Close.NO_TOKEN)
        elif said.kind == "ack":
            self.window.acknowledge(said.next)
        else:
            self.owes_pong = True

    def _greet(self, said: Said) -> None:
        if self._greeting is not None:
            raise Closing(Close.BAD_MESSAGE)
        self._greeting = said


def session_key_of(scope: Scope) -> str | None:
    """Return the key of the session whose cookie a handshake brought."""
    # HTTP/2 sends them in parts.
    parts = [value for name, value in scope.get("headers", []) if name == b"cookie"]
    cookies = parse_cookie(b"; ".join(parts).decode("latin1"))
    return cookies.get(settings.SESSION_COOKIE_NAME)


def address_of(scope: Scope) -> str | None:
    """Return where a handshake came from, as far as the server knows."""
    client = scope.get("client")
    return client[0] if client else None
