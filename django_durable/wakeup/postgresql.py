"""Hints between processes on PostgreSQL: one LISTEN connection per process."""

import json
import logging
import threading
from collections.abc import Sequence

from django.db import connections

from django_durable.models import faults, sql
from django_durable.models.connection import private_connection
from django_durable.models.hints import CHANNEL, EVERYTHING, hint_of
from django_durable.wakeup.hub import Hub

logger = logging.getLogger("django_durable")


def notify(using: str, targets: Sequence[str]) -> None:
    """Tell all listening processes, in one statement."""
    hint = hint_of(targets)
    sql.fetch_hot(connections[using], "SELECT pg_notify(%s, %s)", hint)


class PostgreSQLSource:
    """A thread with a connection of its own that listens."""

    def __init__(self, hub: Hub, using: str) -> None:
        self.is_working = False
        self._hub = hub
        self._using = using
        self._closing = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name="durable-listener", daemon=True
        )

    def start(self) -> None:
        """Begin to listen in the background."""
        self._thread.start()

    def close(self) -> None:
        """Stop listening and give the connection back."""
        self._closing.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        tries = 0
        while not self._closing.is_set():
            try:
                self._listen()
                tries = 0
            except Exception as error:
                if tries == 0:
                    logger.warning("Listening for hints failed, looking: %s", error)
                tries += 1
            self.is_working = False
            self._closing.wait(faults.pause_seconds(tries + 3))

    def _listen(self) -> None:
        connection = private_connection(self._using)
        try:
            connection.ensure_connection()
            raw = connection.connection
            raw.execute(f"LISTEN {CHANNEL}")
            self.is_working = True
            self._hub.ring_all()  # Whatever was said while nobody listened.
            while not self._closing.is_set():
                for notification in raw.notifies(timeout=0.2):
                    self._pass_on(notification.payload)
                self._hub.ring_owed()
        finally:
            connection.close()

    def _pass_on(self, payload: str) -> None:
        if payload == EVERYTHING:
            self._hub.ring_all()
            return
        try:
            targets = json.loads(payload)
            self._hub.ring([target for target in targets if isinstance(target, str)])
        except (TypeError, ValueError):
            self._hub.ring_all()
