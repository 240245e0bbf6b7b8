"""Who says "look"."""

import logging
from collections.abc import Sequence
from typing import Any

from django.db import DatabaseError, connections

from django_durable import conf, signals
from django_durable.models import Wait, sql
from django_durable.models.hints import hint_of
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
    if _reaches_others(using):
        try:
            notify(using, targets)
        except Exception as error:
            logger.debug("A hint was lost: %s", error)


def on_published(using: str, targets: Sequence[str], is_hinted: bool, **_: Any) -> None:
    """Queue the workflows that wait for ``targets``, and tell everybody.

    The receiver of ``signals.published``: the facts are committed by now, and
    perhaps other processes know it.
    """
    waited_for = [target for target in targets if target != signals.QUEUE]
    if not waited_for and not is_hinted:
        announce(using, targets)
        return
    hub.ring(targets)
    hinting = [] if is_hinted else targets
    if waited_for:
        _wake(using, waited_for, hinting)


def _wake(using: str, waited_for: Sequence[str], targets: Sequence[str]) -> None:
    """Queue who waits; the hint at ``targets`` for others rides on that statement."""
    waits = Wait.objects.using(using)
    if targets and _reaches_others(using):
        try:
            waits.wake(waited_for, hint=hint_of(targets))
            return
        except DatabaseError as error:
            logger.debug("A hint was lost: %s", error)
    waits.wake(waited_for)


def _reaches_others(using: str) -> bool:
    # In a block still: a test runs the hooks inside its own transaction.
    connection = connections[using]
    return sql.is_postgresql(connection) and not connection.in_atomic_block
