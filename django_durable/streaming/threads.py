"""Threads of our own that ask the database for an event loop.

Views and consumers of the project share Django's one thread for sync code; what
many sockets wait for must not queue behind them.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import Error, connections

from django_durable.models.connection import give_back, note_refusal

T = TypeVar("T")

CLOSING_SECONDS = 5.0


class Threads:
    """At most ``size`` calls at once, each thread with a connection of its own."""

    def __init__(self, size: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(size, thread_name_prefix=f"durable-{name}")
        self._known: set[int] = set()

    async def run(self, function: Callable[..., T], *args: object) -> T:
        """Return what a call in one of the threads returns."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._call, function, args)

    def _call(self, function: Callable[..., T], args: tuple[object, ...]) -> T:
        self._known.add(threading.get_ident())
        try:
            return function(*args)
        except Error as error:
            note_refusal(error)
            for connection in connections.all(initialized_only=True):
                connection.close_if_unusable_or_obsolete()
            raise
        finally:
            give_back()

    def close(self) -> None:
        """Give back the connections of all threads, and end them."""
        barrier = threading.Barrier(max(1, len(self._known)))
        for _ in self._known:
            self._pool.submit(_close, barrier)
        self._pool.shutdown(wait=True)


def _close(barrier: threading.Barrier) -> None:
    connections.close_all()
    barrier.wait(CLOSING_SECONDS)
