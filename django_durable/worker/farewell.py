"""Last words of a worker: said quickly, or left to its lease."""

import logging
import threading
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, connections

from django_durable.models import sql
from django_durable.models.connection import reserve_connection

logger = logging.getLogger("django_durable")

# A step that goes on in this process may hold the lock that a last word needs.
LOCK_SECONDS = 0.3
PATIENCE_SECONDS = 2.0


def say(using: str, word: Callable[[], object]) -> None:
    """Do a bit of database work on an impatient connection of its own.

    What cannot be done is left out: the lease runs out, and others recover.
    """

    def run() -> None:
        reserve_connection(using)
        try:
            sql.hurry(connections[using], LOCK_SECONDS)
            word()
        except (DatabaseError, InterfaceError) as error:
            logger.warning("The worker's rows are left to its lease: %s", error)
        finally:
            connections[using].close()

    thread = threading.Thread(target=run, name="durable-farewell", daemon=True)
    thread.start()
    thread.join(PATIENCE_SECONDS)
