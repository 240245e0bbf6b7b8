"""How much one process gives to those who watch."""

import math
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address

from django_durable import clock, conf
from django_durable.streaming.frames import Frame

# However many sockets there are, one may be sent so much at a time.
LEAST_WINDOW = 16 * 1024
# A new window takes at most this part of what is left for all.
SHARE = 8
# So many addresses are kept, before those are forgotten ...
MOST_RATES = 1024
# ... that have been silent for so long, after which a rate is full again.
RECOVERY_SECONDS = 2.0


class TooMany(Exception):
    """The process, or one user, has as many sockets as it may, or new ones too soon."""


class Watchers:
    """Who is served by this process, and how much may be on its way to them."""

    def __init__(self) -> None:
        self.count = 0
        self.granted = 0
        self.users: Counter[str] = Counter()
        self._arrivals = Rate()
        self._addresses = Rates()

    @contextmanager
    def place(self, address: str | None = None) -> Iterator[None]:
        """Take a place for a block, or raise TooMany.

        Who comes too often from one address takes nothing from the others.
        """
        settings = conf.current()
        rate = settings.stream_handshake_rate_per_address
        if address and not self._addresses.allow_one(network_of(address), rate):
            raise TooMany
        is_full = self.count >= settings.stream_sockets
        if is_full or not self._arrivals.allows_one(settings.stream_handshake_rate):
            raise TooMany
        self.count += 1
        try:
            yield
        finally:
            self.count -= 1

    @contextmanager
    def place_of(self, user: str | None) -> Iterator[None]:
        """Take one of a user's places for a block, or raise TooMany."""
        if user is None:
            yield
            return
        if self.users[user] >= conf.current().stream_sockets_per_user:
            raise TooMany
        self.users[user] += 1
        try:
            yield
        finally:
            self.users[user] -= 1
            if not self.users[user]:
                del self.users[user]

    @contextmanager
    def window(self) -> Iterator["Window"]:
        """Give a window for a block: a smaller one when little is left for all."""
        settings = conf.current()
        left = settings.stream_windows_bytes - self.granted
        least = min(LEAST_WINDOW, settings.stream_window_bytes)
        size = max(least, min(settings.stream_window_bytes, left // SHARE))
        self.granted += size
        try:
            yield Window(size)
        finally:
            self.granted -= size


class Window:
    """What was sent to one socket and not acknowledged yet."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.blocked_at: float | None = None
        self._sent: deque[Frame] = deque()
        self._used = 0

    def has_room_for(self, frame: Frame) -> bool:
        """Tell whether a message may go; one may always be on its way."""
        return not self._sent or self._used + frame.size <= self.size

    def send(self, frame: Frame) -> None:
        """Know that a message is on its way."""
        self._sent.append(frame)
        self._used += frame.size
        self.blocked_at = None

    def block(self) -> None:
        """Know that a message waits for room."""
        if self.blocked_at is None:
            self.blocked_at = clock.monotonic()

    def acknowledge(self, reached: int) -> None:
        """Take back what the client has processed, up to an offset."""
        while self._sent and self._sent[0].next <= reached:
            self._used -= self._sent.popleft().size
            self.blocked_at = None


class Rate:
    """Allows so many a second, and twice as many at once."""

    def __init__(self) -> None:
        self._left = math.inf
        self.used_at = clock.monotonic()

    def allows_one(self, per_second: int) -> bool:
        """Count one, unless it is one too many; return whether it is not."""
        now = clock.monotonic()
        gained = (now - self.used_at) * per_second
        self._left = min(2.0 * per_second, self._left + gained)
        self.used_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Rates:
    """A rate for each name, forgotten once it has recovered."""

    def __init__(self) -> None:
        self._rates: dict[str, Rate] = {}

    def allow_one(self, name: str, per_second: int) -> bool:
        """Count one under a name; see ``Rate``."""
        if len(self._rates) >= MOST_RATES:
            now = clock.monotonic()
            self._rates = {
                name: rate
                for name, rate in self._rates.items()
                if now - rate.used_at < RECOVERY_SECONDS
            }
        return self._rates.setdefault(name, Rate()).allows_one(per_second)


def network_of(address: str) -> str:
    """Return what stands for an address: of IPv6, all that one client may have."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(int(found) >> 64)
    return address


watchers = Watchers()
