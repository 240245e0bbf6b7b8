"""Connections that belong to one thread of ours and to nobody's pool.

They are kept, unless the server has none left: then whoever can spare his own
gives it back, so that no thread keeps idle what another one waits for.
"""

import logging
import re
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from django_durable import clock

logger = logging.getLogger("django_durable")

# What servers and poolers say that have no connection left.
_REFUSALS = re.compile(
    r"too many (clients|connections)|connection slots|no more connections"
)
# How long a refusal is remembered.
SCARCE_SECONDS = 10.0

_scarce_until = 0.0


def private_connection(using: str) -> BaseDatabaseWrapper:
    """Return a new, unopened connection beside the pool and the thread's own.

    Heartbeats and listeners must not starve while user code holds the pool.
    """
    shared = connections[using]
    settings: dict[str, Any] = dict(shared.settings_dict)
    settings["OPTIONS"] = {
        key: value for key, value in settings["OPTIONS"].items() if key != "pool"
    }
    return type(shared)(settings, using)


def reserve_connection(using: str) -> None:
    """Give this thread a private connection for all its use of ``using``."""
    connections[using] = private_connection(using)


def note_refusal(error: BaseException) -> None:
    """Know that the server has no connection left, if that is what it says."""
    global _scarce_until
    if _REFUSALS.search(str(error)) is None:
        return
    if not are_scarce():
        logger.warning(
            "The database takes no more connections. Lower CONCURRENCY in DURABLE, or"
            " let the server take more (max_connections): %s",
            error,
        )
    _scarce_until = clock.monotonic() + SCARCE_SECONDS


def are_scarce() -> bool:
    """Tell whether the server has lately refused a connection."""
    return clock.monotonic() < _scarce_until


def give_back() -> None:
    """Close those of this thread that belong to a pool, or that others need."""
    is_needed = are_scarce()
    for connection in connections.all(initialized_only=True):
        is_spare = is_needed or getattr(connection, "pool", None)
        if is_spare and not connection.in_atomic_block:
            connection.close()
