"""Consumers: ASGI applications that speak ``durable-stream.v1``.

The socket is accepted, so that a refusal can say why, and nothing is sent before
the check. One task listens, the other one sends; neither waits for the other.
"""

import logging
from abc import ABC, abstractmethod
from typing import ClassVar
from urllib.parse import parse_qs

from django.db import Error

from django_durable import clock, conf
from django_durable.streaming import places
from django_durable.streaming.feeds import FeedTopic
from django_durable.streaming.frames import BadMessage, Close, Frame, frame
from django_durable.streaming.hub import StreamHub, hub_of_loop
from django_durable.streaming.limits import TooMany, Window, watchers
from django_durable.streaming.outages import outages
from django_durable.streaming.permissions import Answer, Decision, Visitor, admit
from django_durable.streaming.places import Asked
from django_durable.streaming.sockets import (
    Left,
    Receive,
    Scope,
    Send,
    Socket,
    address_of,
    session_key_of,
)
from django_durable.streaming.story import Closing, Guard, Story
from django_durable.streaming.streams import StreamTopic
from django_durable.streaming.topics import Topic, Watch

logger = logging.getLogger("django_durable")


class Consumer(ABC):
    """Serves sockets that watch one kind of topic."""

    kind: ClassVar[type[Topic]]

    @abstractmethod
    def asked(self, query: places.Query) -> Asked:
        """Return what is to be watched, or raise BadMessage."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket, until one side closes it."""
        socket = Socket(receive, send)
        try:
            await socket.accept(scope)
            async with socket.listening():
                await self._serve(socket, scope)
        except Left:
            pass
        except Closing as closing:
            await socket.close(closing.code)
        except BadMessage:
            await socket.close(Close.BAD_MESSAGE)
        except TooMany:
            await socket.close(Close.TOO_MANY)
        except Error as error:
            outages.report("A socket waits for the database: %s", error)
            await socket.close(Close.TRY_LATER)
        except Exception:
            logger.exception("A socket failed")
            await socket.close(Close.FAILED)

    async def _serve(self, socket: Socket, scope: Scope) -> None:
        query = scope.get("query_string", b"").decode("ascii", "replace")
        asked = self.asked(parse_qs(query, keep_blank_values=True))
        hub = hub_of_loop()
        place = asked.workflow_id, asked.key
        with watchers.place(address_of(scope)):
            visitor, decision = await self._admit(hub, socket, scope, asked)
            guard = Guard(hub, visitor, asked, decision)
            with (
                watchers.place_of(decision.user),
                watchers.window() as window,
                hub.watching(self.kind, place, socket.wake) as topic,
            ):
                while not topic.is_open.is_set():
                    socket.look()
                    await socket.pause(1.0)
                if topic.status is None:
                    raise Closing(Close.FORBIDDEN)
                watch = topic.watch(asked.start, window.size)
                await Conversation(socket, topic, watch, guard, window).hold()

    async def _admit(
        self, hub: StreamHub, socket: Socket, scope: Scope, asked: Asked
    ) -> tuple[Visitor, Decision]:
        """Find out who it is, and that it may watch; raises Closing."""
        visitor = Visitor(session_key_of(scope))
        decision = Decision(Answer.WHO)
        if visitor.session_key is not None:
            decision = await self._decide(hub, visitor, asked)
        if decision.answer != Answer.YES:
            said = await socket.greeting(conf.current().stream_hello_timeout)
            if said is not None and said.token is not None:
                visitor = Visitor(visitor.session_key, said.token)
                decision = await self._decide(hub, visitor, asked)
        if decision.answer == Answer.NO:
            raise Closing(Close.FORBIDDEN)
        if decision.answer != Answer.YES:
            raise Closing(Close.NO_TOKEN)
        return visitor, decision

    async def _decide(self, hub: StreamHub, visitor: Visitor, asked: Asked) -> Decision:
        place = asked.workflow_id, asked.key
        is_known = hub.is_showing(self.kind, place)
        return await hub.readers.run(admit, visitor, *place, is_known)


class StreamConsumer(Consumer):
    """Serves sockets that watch a stream."""

    kind = StreamTopic

    def asked(self, query: places.Query) -> Asked:
        return places.asked_stream(query)


class FeedConsumer(Consumer):
    """Serves sockets that watch a workflow."""

    kind = FeedTopic

    def asked(self, query: places.Query) -> Asked:
        return places.asked_feed(query)


class Conversation:
    """What an admitted socket is told, as fast as it reads."""

    def __init__(
        self, socket: Socket, topic: Topic, watch: Watch, guard: Guard, window: Window
    ) -> None:
        self._socket, self._topic, self._guard = socket, topic, guard
        self._window = socket.window = window
        self._story = Story(topic, watch)
        self._held: Frame | None = None
        self._heartbeat = conf.current().stream_heartbeat
        self._patience = conf.current().stream_ack_timeout

    async def hold(self) -> None:
        """Tell everything; raises Closing or Left at the end."""
        await self._say_welcome()
        try:
            while True:
                self._socket.look()
                # Also between messages: some streams give no pause.
                await self._guard.check()
                await self._keep_time()
                if not await self._tell():
                    await self._socket.pause(self._next_at() - clock.monotonic())
        except Closing as closing:
            if closing.reason is not None:
                await self._socket.say(self._story.end(closing.reason))
            raise

    async def _say_welcome(self) -> None:
        beat: float = self._heartbeat
        content = {
            "heartbeat": int(beat) if beat.is_integer() else beat,
            "window": self._window.size,
            **self._topic.welcome(),
        }
        await self._socket.say(frame("welcome", **content))

    async def _tell(self) -> bool:
        """Say the next message, if there is one and the window has room for it."""
        told = self._held or await self._story.next()
        if told is None:
            if self._story.is_over:
                raise Closing(Close.DONE)
            return False
        if told.size and not self._window.has_room_for(told):
            self._held = told
            self._story.is_live = False
            self._window.block()
            return False
        self._held = None
        if told.size:
            self._window.send(told)
        await self._socket.say(told.text)
        return True

    async def _keep_time(self) -> None:
        if self._socket.owes_pong:
            self._socket.owes_pong = False
            await self._socket.say(frame("pong"))
        now = clock.monotonic()
        if now - self._socket.heard_at >= 2 * self._heartbeat:
            raise Closing(Close.IDLE)
        blocked_at = self._window.blocked_at
        if blocked_at is not None and now - blocked_at >= self._patience:
            raise Closing(Close.SLOW)
        if now - self._socket.said_at >= self._heartbeat:
            await self._socket.say(frame("hb"))

    def _next_at(self) -> float:
        moments = [
            self._socket.heard_at + 2 * self._heartbeat,
            self._socket.said_at + self._heartbeat,
            self._guard.due_at,
        ]
        if self._window.blocked_at is not None:
            moments.append(self._window.blocked_at + self._patience)
        return min(moments)
