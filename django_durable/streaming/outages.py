"""Says that the database does not answer: once for all who wait for it.

A server may have thousands of watchers, who all come back again and again.
"""

import logging
import threading

from django_durable import clock

logger = logging.getLogger("django_durable")

# Of what goes on and on, a line comes so often.
QUIET_SECONDS = 60.0


class Outages:
    """When which line was written last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._said_at: dict[tuple[str, type[Exception]], float] = {}

    def report(self, message: str, error: Exception) -> None:
        """Log a warning, unless somebody has just met the like of it."""
        key, now = (message, type(error)), clock.monotonic()
        with self._lock:
            if now - self._said_at.get(key, float("-inf")) < QUIET_SECONDS:
                return
            self._said_at[key] = now
        logger.warning(message, error)


outages = Outages()
