"""What one watcher is told, in order, and whether it still may be."""

from collections import deque

from django_durable import clock, conf
from django_durable.streaming.frames import Close, Frame, frame
from django_durable.streaming.permissions import Answer, Decision, Visitor, decide
from django_durable.streaming.places import Asked
from django_durable.streaming.topics import Readers, Topic, Watch


class Closing(Exception):
    """The watcher has to go: with a code, and for a reason if it was welcome."""

    def __init__(self, code: Close, reason: str | None = None) -> None:
        super().__init__(code)
        self.code, self.reason = code, reason


class Story:
    """Data and what lies between: live, status, end."""

    def __init__(self, topic: Topic, watch: Watch) -> None:
        self.is_live = False
        self.is_over = False
        self._topic, self._watch = topic, watch
        self._status = topic.status
        self._ready: deque[Frame] = deque()

    async def next(self) -> Frame | None:
        """Return the next message, None while there is none.

        Those without a size are signs, which nobody acknowledges.
        """
        if not self._ready:
            self._ready.extend(await self._watch.take())
        if self._ready:
            return self._ready.popleft()
        if not self.is_live:
            self.is_live = True
            return self._sign(frame("live", next=self._watch.offset))
        status = self._topic.status
        if status != self._status and status is not None:
            self._status = status
            return self._sign(frame("status", status=status))
        ending = self._topic.ending
        if ending and self._watch.has_all and not self.is_over:
            self.is_over = True
            return self._sign(self.end(ending))
        return None

    def end(self, reason: str) -> str:
        """Return the last message."""
        return frame("end", next=self._watch.offset, reason=reason)

    def _sign(self, text: str) -> Frame:
        return Frame(text, 0, self._watch.offset)


class Guard:
    """Asks again and again whether somebody may still watch."""

    def __init__(
        self, hub: Readers, visitor: Visitor, asked: Asked, decision: Decision
    ) -> None:
        self._hub, self._visitor, self._asked = hub, visitor, asked
        self.due_at = self._next(decision)

    async def check(self) -> None:
        """Ask when it is time; raises Closing."""
        if clock.monotonic() < self.due_at:
            return
        place = self._asked.workflow_id, self._asked.key
        decision = await self._hub.readers.run(decide, self._visitor, *place)
        if decision.answer == Answer.EXPIRED:
            raise Closing(Close.NO_TOKEN, "token_expired")
        if decision.answer != Answer.YES:
            raise Closing(Close.FORBIDDEN, "forbidden")
        self.due_at = self._next(decision)

    def _next(self, decision: Decision) -> float:
        wait = conf.current().stream_recheck
        if decision.expires_at is not None:
            # Not a moment before it has expired.
            left = decision.expires_at - clock.wall_seconds() + 0.001
            wait = min(wait, max(0.0, left))
        return clock.monotonic() + wait
