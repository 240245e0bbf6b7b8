"""What goes over the wire between psycopg and PostgreSQL, as far as a proxy needs it.

A *request* is what the client sends before it waits for an answer. The server has
answered it when it says ReadyForQuery, with the state of the transaction.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

# The first message of a connection has no type, and is followed by typed ones.
PROTOCOLS = range(196608, 196700)
# Types of messages after which the client waits: Query, Sync, Terminate, Password.
ENDS_OF_REQUESTS = b"QSXp"
EXECUTES = b"QE"
READY = ord("Z")
NOTIFICATION = ord("A")
IDLE = ord("I")
HARMLESS = ("SELECT", "SHOW", "SET", "LISTEN", "DEALLOCATE", "ROLLBACK")


@dataclass
class Request:
    """The bytes of one request, and what is executed in it."""

    raw: bytes = b""
    executed: str = ""

    @property
    def verb(self) -> str:
        """The first word of what is executed."""
        return (self.executed.split(maxsplit=1) or [""])[0].upper().rstrip(";")


@dataclass
class Requests:
    """Splits the bytes of a client into requests."""

    _buffer: bytes = b""
    _has_started: bool = False
    _open: Request = field(default_factory=Request)
    _bound: str = ""
    _prepared: dict[bytes, str] = field(default_factory=dict)

    def feed(self, data: bytes) -> Iterator[Request]:
        """Take bytes; give the requests that are complete with them."""
        self._buffer += data
        while (request := self._next()) is not None:
            yield request

    def _next(self) -> Request | None:
        while (message := self._message()) is not None:
            self._open.raw += message
            if not self._has_started:
                self._has_started = _code(message) in PROTOCOLS
            else:
                self._understand(message[0], message[5:])
                if message[0] not in ENDS_OF_REQUESTS:
                    continue
            request, self._open = self._open, Request()
            return request
        return None

    def _message(self) -> bytes | None:
        """Take one message from the buffer, when all of it is there."""
        start = 1 if self._has_started else 0
        if len(self._buffer) < start + 4:
            return None
        (length,) = struct.unpack_from("!i", self._buffer, start)
        end = start + length
        if len(self._buffer) < end:
            return None
        message, self._buffer = self._buffer[:end], self._buffer[end:]
        return message

    def _understand(self, kind: int, body: bytes) -> None:
        if kind == ord("P"):
            name, text, _ = body.split(b"\0", 2)
            self._prepared[name] = _readable(text)
        elif kind == ord("B"):
            _, name, values = body.split(b"\0", 2)
            self._bound = f"{self._prepared.get(name, '')} {_readable(values)}"
        elif kind == ord("Q"):
            self._bound = _readable(body.rstrip(b"\0"))
        if kind in EXECUTES:
            self._open.executed += self._bound


@dataclass
class Answers:
    """Finds in the bytes of a server where it has answered a request."""

    _header: bytes = b""
    _left: int = 0
    _is_ready: bool = False

    def feed(self, data: bytes) -> list[int]:
        """Take bytes; return the states in which the server became ready."""
        states = []
        place = 0
        while place < len(data):
            if not self._left:
                place = self._read_header(data, place)
                continue
            taken = min(self._left, len(data) - place)
            place += taken
            self._left -= taken
            if self._is_ready and not self._left:
                states.append(data[place - 1])
        return states

    def _read_header(self, data: bytes, place: int) -> int:
        missing = 5 - len(self._header)
        self._header += data[place : place + missing]
        if len(self._header) == 5:
            kind, length = struct.unpack("!Bi", self._header)
            self._header, self._left, self._is_ready = b"", length - 4, kind == READY
        return place + missing


@dataclass
class Silence:
    """Takes the notifications out of what a server says.

    To a client it is as if a pooler had lent the connection to somebody else.
    """

    _buffer: bytes = b""

    def feed(self, data: bytes) -> bytes:
        """Take bytes; return the complete messages in them that may pass."""
        self._buffer += data
        passing, place = [], 0
        while len(self._buffer) >= place + 5:
            kind, length = struct.unpack_from("!Bi", self._buffer, place)
            end = place + 1 + length
            if len(self._buffer) < end:
                break
            if kind != NOTIFICATION:
                passing.append(self._buffer[place:end])
            place = end
        self._buffer = self._buffer[place:]
        return b"".join(passing)


@dataclass
class Transaction:
    """Tells which request makes something durable, and what that is."""

    _state: int = IDLE
    _said: list[str] = field(default_factory=list)

    def learn(self, state: int) -> None:
        """Know the state in which the server is ready again."""
        self._state = state
        if state == IDLE:
            self._said.clear()

    def committed_by(self, request: Request) -> str:
        """Return all that is committed by a request; "" when it is nothing."""
        verb = request.verb
        if not verb:
            return ""
        if self._state == IDLE and verb not in ("BEGIN", "START"):
            return "" if verb in HARMLESS else request.executed
        if verb in ("COMMIT", "END"):
            return "\n".join(self._said)
        if verb not in ("BEGIN", "START"):
            self._said.append(request.executed)
        return ""


def _code(message: bytes) -> int:
    return int(struct.unpack_from("!i", message, 4)[0])


def _readable(text: bytes) -> str:
    return text.decode("latin-1")
