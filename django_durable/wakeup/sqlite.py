"""Hints between processes on SQLite: a look at ``PRAGMA data_version``.

It changes when another connection has committed something, and costs a few
microseconds.
"""

import os
import sqlite3
import threading
from typing import Any

from django.db import connections

from django_durable.wakeup.hub import Hub

LOOK_SECONDS = 0.015

# Held while a watcher is inside SQLite, and during each fork: a child would inherit
# the locks that SQLite itself holds then, and nobody there would release them.
_inside = threading.Lock()
os.register_at_fork(
    before=_inside.acquire,
    after_in_parent=_inside.release,
    after_in_child=_inside.release,
)


class SQLiteSource:
    """A thread with a connection of its own that watches for commits."""

    def __init__(self, hub: Hub, using: str) -> None:
        self.is_working = False
        self._hub = hub
        self._params: dict[str, Any] = connections[using].get_connection_params()
        self._closing = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name="durable-watcher", daemon=True
        )

    def start(self) -> None:
        """Begin to watch in the background."""
        self._thread.start()

    def close(self) -> None:
        """Stop watching."""
        self._closing.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._watch()
            except sqlite3.Error:
                self.is_working = False
                self._closing.wait(0.5)

    def _watch(self) -> None:
        with _inside:
            connection = sqlite3.connect(
                self._params["database"], uri=self._params.get("uri", False)
            )
        try:
            seen = None
            while not self._closing.wait(LOOK_SECONDS):
                if self._hub.is_idle:
                    continue
                with _inside:
                    (version,) = connection.execute("PRAGMA data_version").fetchone()
                if version != seen:
                    seen = version
                    self._hub.ring_all()
                else:
                    self._hub.ring_owed()
                self.is_working = True
        finally:
            with _inside:
                connection.close()
