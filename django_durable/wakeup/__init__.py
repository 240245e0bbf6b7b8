"""Who says "look"."""

import logging
from collections.abc import Sequence
from typing import Any

from django.db import connections

from django_durable import conf, signals
from django_durable.models import Wait, sql
from django_durable.wakeup.hub import Bell, Hub, Source, Subscription, ring_loop
from django_durable.wakeup.postgresql import PostgreSQLSource, notify
from django_durable.wakeup.sqlite import SQLiteSource

__all__ = [
    "Bell",
    "Hub",
    "Subscription",
    "announce",
    "hub",
    "on_published",
    "ring_loop",
]

logger = logging.getLogger("django_durable")


def _source(hub: Hub) -> Source | None:
    using = conf.current().database
    connection = connections[using]
    if sql.is_postgresql(connection):
        return PostgreSQLSource(hub, using)
    if ":memory:" in str(connection.settings_dict["NAME"]):
        return None  # Nobody else can see such a database.
    return SQLiteSource(hub, using)


hub = Hub(_source)


def announce(using: str, targets: Sequence[str]) -> None:
    """Say "look" to everybody who waits for ``targets``, here and elsewhere.

    To be called after the commit. Whatever goes wrong costs a slow look.
    """
    hub.ring(targets)
    connection = connections[using]
    # In a block still: a test runs the hooks inside its own transaction.
    if sql.is_postgresql(connection) and not connection.in_atomic_block:
        try:
            notify(using, targets)
        except Exception as error:
            logger.debug("A hint was lost: %s", error)


def on_published(using: str, targets: Sequence[str], **_: Any) -> None:
    """Queue the workflows that wait for ``targets``, and tell everybody.

    The receiver of ``signals.published``: the facts are committed by now.
    """
    waited_for = [target for target in targets if target != signals.QUEUE]
    woken = Wait.objects.using(using).wake(waited_for) if waited_for else 0
    announce(using, [*waited_for, signals.QUEUE] if woken else list(targets))
