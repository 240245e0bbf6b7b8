"""Connections that belong to one thread of ours and to nobody's pool."""

from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper


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
