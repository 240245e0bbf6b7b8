"""The process's hub of hints: who waits here, and who says "look".

A hint is never the truth. Each one may be lost or be wrong; every wait also
looks by itself, at a slow rhythm, and then reads the rows.
"""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol
from weakref import WeakSet

from django_durable import clock
from django_durable.models.targets import names_of

# How often a wait looks by itself: with a source of hints, and without one.
SLOW_LOOK_SECONDS = 1.0
BLIND_LOOK_SECONDS = 0.1
# So many waits that all of them look for an unknown change cost too much time to do
# it more often than their calm allows; fewer do it more often.
CROWD = 50


def ring_loop(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> None:
    """Call back on an event loop, from any thread; a closed one needs no ring."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(callback)


class Source(Protocol):
    """Something outside of the process that says "look"."""

    is_working: bool

    def start(self) -> None: ...

    def close(self) -> None: ...


class Subscription:
    """Rings when one of its targets is named, or when nobody knows what changed.

    In a crowd, ``calm`` seconds lie at least between two rings of the second kind.
    """

    def __init__(
        self, hub: "Hub", targets: Iterable[str], ring: Callable[[], None], calm: float
    ) -> None:
        self._hub = hub
        self.targets = frozenset(targets)
        self.ring = ring
        self._calm = calm
        self._vague_at = 0.0

    def take_turn(self, share: float) -> bool:
        """Tell whether to ring now for an unknown change; not if it rang just now."""
        now = clock.monotonic()
        is_due = now - self._vague_at >= self._calm * share
        if is_due:
            self._vague_at = now
        return is_due

    def close(self) -> None:
        """Stop listening."""
        self._hub.unsubscribe(self)

    def __enter__(self) -> "Subscription":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class Hub:
    """Rings the subscriptions of one process."""

    def __init__(self, make_source: Callable[["Hub"], Source | None]) -> None:
        self._lock = threading.Lock()
        self._by_target: dict[str, dict[int, Subscription]] = {}
        self._all: dict[int, Subscription] = {}
        self._owed: dict[int, Subscription] = {}
        self._make_source = make_source
        self._source: Source | None = None
        self._mutes = 0
        _hubs.add(self)

    def subscribe(
        self, targets: Iterable[str], ring: Callable[[], None], *, calm: float = 0.0
    ) -> Subscription:
        """Call ``ring`` (from any thread, quickly) when a target is named."""
        subscription = Subscription(self, targets, ring, calm)
        with self._lock:
            self._all[id(subscription)] = subscription
            for target in subscription.targets:
                self._by_target.setdefault(target, {})[id(subscription)] = subscription
            if self._source is None and not self._mutes:
                self._source = self._make_source(self)
                if self._source is not None:
                    self._source.start()
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Forget a subscription."""
        with self._lock:
            self._all.pop(id(subscription), None)
            self._owed.pop(id(subscription), None)
            for target in subscription.targets:
                members = self._by_target.get(target)
                if members is not None:
                    members.pop(id(subscription), None)
                    if not members:
                        del self._by_target[target]

    def ring(self, targets: Iterable[str]) -> None:
        """Wake those who wait for one of ``targets``."""
        with self._lock:
            found = {
                key: subscription
                for target in targets
                for name in names_of(target)
                for key, subscription in self._by_target.get(name, {}).items()
            }
        for subscription in found.values():
            subscription.ring()

    def ring_all(self) -> None:
        """Wake everybody: something changed, nobody knows what."""
        with self._lock:
            self._owed.update(self._all)
        self.ring_owed()

    def ring_owed(self) -> None:
        """Wake those whose turn did not come when something changed."""
        with self._lock:
            share = min(1.0, len(self._all) / CROWD)
            due = {
                key: subscription
                for key, subscription in self._owed.items()
                if subscription.take_turn(share)
            }
            for key in due:
                del self._owed[key]
        for subscription in due.values():
            subscription.ring()

    @property
    def is_idle(self) -> bool:
        """Tell whether nobody listens."""
        return not self._all

    @contextlib.contextmanager
    def muted(self) -> Iterator[None]:
        """Start no source for a block: nobody in it relies on other processes."""
        with self._lock:
            self._mutes += 1
        try:
            yield
        finally:
            with self._lock:
                self._mutes -= 1

    @property
    def has_hints(self) -> bool:
        """Tell whether other processes can be heard."""
        source = self._source
        return source is not None and source.is_working

    @property
    def look_seconds(self) -> float:
        """How long a wait may rely on being rung."""
        return SLOW_LOOK_SECONDS if self.has_hints else BLIND_LOOK_SECONDS

    def close(self) -> None:
        """Stop the source; the next subscription starts another."""
        with self._lock:
            source, self._source = self._source, None
        if source is not None:
            source.close()

    def _start_anew(self) -> None:
        """In a forked child: the parent's source, waiters and locks are not here."""
        self._lock = threading.Lock()
        self._by_target = {}
        self._all = {}
        self._owed = {}
        self._source = None
        self._mutes = 0


def _start_hubs_anew() -> None:
    for hub in list(_hubs):
        hub._start_anew()


_hubs: WeakSet[Hub] = WeakSet()
os.register_at_fork(after_in_child=_start_hubs_anew)


class Bell:
    """A subscription that a thread waits on."""

    def __init__(self, hub: Hub, targets: Iterable[str], *, calm: float = 0.0) -> None:
        self._hub = hub
        self._rung = threading.Event()
        self.was_hinted = False
        self._hinted = False
        self._subscription = hub.subscribe(targets, self.ring, calm=calm)

    def ring(self) -> None:
        """Wake the waiting thread: there is news."""
        self._hinted = True
        self._rung.set()

    def nudge(self) -> None:
        """Wake the waiting thread without news."""
        self._rung.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for a ring, at most ``seconds`` (None: a slow look); True if rung."""
        if seconds is None:
            seconds = self._hub.look_seconds
        rung = self._rung.wait(max(0.0, seconds))
        self._rung.clear()
        self.was_hinted, self._hinted = self._hinted, False
        return rung

    def close(self) -> None:
        """Stop listening."""
        self._subscription.close()

    def __enter__(self) -> "Bell":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
