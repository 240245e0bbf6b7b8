"""What workers do about finished workflows that nobody wants to keep."""

import logging
from datetime import datetime, timedelta

from django_durable import clock, conf
from django_durable.models import Workflow
from django_durable.models.deletion import Position

logger = logging.getLogger("django_durable")

# Of each turn: heartbeats wait for it, and so for each batch, whose workflows may
# have very many steps.
SECONDS = 0.2
BATCH = 10
# From the beginning of one walk through all that has ended to that of the next.
PAUSE_SECONDS = 600.0


class Pruning:
    """Deletes what ``DURABLE["RETENTION"]`` says, a little at each turn.

    Several workers at once share the work: each passes over what another holds.
    """

    def __init__(self, using: str) -> None:
        self._using = using
        self._todo: list[tuple[str, datetime, Position | None]] = []
        self._begin_at = 0.0

    def begin(self) -> None:
        """Look for more, unless that goes on already or has just been done."""
        ages = conf.current().retention
        if ages and not self._todo and clock.monotonic() >= self._begin_at:
            self._begin_at = clock.monotonic() + PAUSE_SECONDS
            now = clock.now()
            self._todo = [
                (status, now - timedelta(seconds=age), None)
                for status, age in ages.items()
            ]

    def go_on(self) -> int:
        """Delete for a short time; return how many workflows went."""
        until, deleted = clock.monotonic() + SECONDS, 0
        workflows = Workflow.objects.using(self._using)
        while self._todo and clock.monotonic() < until:
            status, before, position = self._todo[-1]
            some, position = workflows.prune_some(status, before, position, BATCH)
            deleted += some
            self._todo.pop()
            if position is not None:
                self._todo.append((status, before, position))
        if deleted:
            logger.info("Workflows deleted after their retention: %d", deleted)
        return deleted
