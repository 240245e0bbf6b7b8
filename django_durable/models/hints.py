"""Hints for other processes: what to say, and when it may ride on a commit.

A NOTIFY inside of a statement arrives with its commit, a round trip earlier than
one that follows it. But PostgreSQL lets only one transaction that notifies commit
at a time, in all its databases: where many do, each waits for the disk in turn.
So a hint rides only as long as nobody has to wait for that.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper

from django_durable import clock, signals
from django_durable.models import sql

CHANNEL = "django_durable"
EVERYTHING = "*"
# NOTIFY takes payloads below 8,000 bytes.
LONGEST_PAYLOAD = 7900
# A statement with a hint that takes longer may have waited for others ...
CROWDED_SECONDS = 0.003
# ... and for so long the next hints go by themselves.
APART_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Hint:
    """What a statement returns besides, so that it hints; and the values for it."""

    column: str = ""
    params: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.column)


NO_HINT = Hint()


def hint_of(targets: Sequence[str]) -> tuple[str, str]:
    """Return the channel, and what names ``targets`` there."""
    payload = json.dumps(list(targets), separators=(",", ":"))
    if len(payload.encode()) > LONGEST_PAYLOAD:
        payload = EVERYTHING
    return CHANNEL, payload


class Traffic:
    """Knows whether statements with hints get in each other's way."""

    def __init__(self) -> None:
        self._apart_until = 0.0

    @contextmanager
    def riding(
        self, connection: BaseDatabaseWrapper, targets: Sequence[str]
    ) -> Iterator[Hint]:
        """Give a statement the hint at ``targets``, or none where it may not ride.

        To be entered around that one statement.
        """
        if not targets or not self._may_ride(connection):
            yield NO_HINT
            return
        began_at = clock.monotonic()
        yield Hint(", pg_notify(%s, %s)", hint_of(targets))
        now = clock.monotonic()
        if now - began_at > CROWDED_SECONDS:
            self._apart_until = now + APART_SECONDS

    def _may_ride(self, connection: BaseDatabaseWrapper) -> bool:
        # In a transaction it would hold up others until that ends.
        return (
            sql.is_postgresql(connection)
            and not connection.in_atomic_block
            and connection.get_autocommit()
            and bool(signals.published.receivers)
            and clock.monotonic() >= self._apart_until
        )


riding = Traffic().riding
