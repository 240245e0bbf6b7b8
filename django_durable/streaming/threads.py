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
from django.db.backends.base.base import BaseDatabaseWrapper

from django_durable.models.connection import give_back, note_refusal

T = TypeVar("T")


class Threads:
    """At most ``size`` calls at once, each thread with a connection of its own."""

    def __init__(self, size: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(size, thread_name_prefix=f"durable-{name}")
        self._connections: dict[int, BaseDatabaseWrapper] = {}

    async def run(self, function: Callable[..., T], *args: object) -> T:
        """Return what a call in one of the threads returns."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._call, function, args)

    def _call(self, function: Callable[..., T], args: tuple[object, ...]) -> T:
        try:
            try:
                return function(*args)
            except Error as error:
                note_refusal(error)
                if not _drop_broken():
                    raise
                # It broke while nobody used it, and what is asked here only reads.
                return function(*args)
        finally:
            give_back()
            for connection in connections.all(initialized_only=True):
                self._connections[id(connection)] = connection

    def close(self) -> None:
        """End the threads, and give their connections back."""
        self._pool.shutdown(wait=True)
        # Django lets no thread do that in which a loop runs.
        closing = threading.Thread(target=self._close)
        closing.start()
        closing.join()

    def _close(self) -> None:
        for connection in self._connections.values():
            connection.inc_thread_sharing()
            connection.close()
        self._connections.clear()


def _drop_broken() -> bool:
    """Close the connections of this thread that are of no use; say if any was."""
    mine = [
        connection
        for connection in connections.all(initialized_only=True)
        if connection.connection is not None
    ]
    for connection in mine:
        connection.close_if_unusable_or_obsolete()
    return any(connection.connection is None for connection in mine)
