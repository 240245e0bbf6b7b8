"""Queues that somebody has paused: while one is, workers take nothing from it."""

from collections.abc import Sequence

from django.db import connections, models
from django.utils.translation import gettext_lazy as _

from django_durable import clock, signals
from django_durable.display import visible
from django_durable.models import faults, hints, sql
from django_durable.models.hints import NO_HINT, Hint
from django_durable.models.tables import QUEUE
from django_durable.names import check_queue_name


class QueueQuerySet(models.QuerySet["Queue"]):
    """Pausing and resuming: each is one statement that names what it expects."""

    def paused(self) -> "QueueQuerySet":
        """Keep those from which workers take nothing now."""
        return self.filter(paused_at__isnull=False)

    def pause(self, name: str, reason: str = "", by: str = "") -> bool:
        """Have workers take nothing more from a queue; return whether it took.

        False when it was paused already: then whoever was first stays named. A
        claim that begins after the commit finds nothing in this queue; what is
        being executed goes on until it suspends or ends.
        """
        moment = sql.stamp(connections[self.db], clock.now())
        # A reason may be translated only now; some projects have users with numbers.
        values = [check_queue_name(name), moment, f"{by}", f"{reason}"]
        return self._switch(_PAUSE, values)

    def resume(self, name: str) -> bool:
        """Have workers take from a queue again, at once; return whether it took.

        False when it was not paused.
        """
        values = [check_queue_name(name)]
        with hints.riding(connections[self.db], [signals.QUEUE]) as hint:
            took = self._switch(_RESUME, values, hint)
        if took:
            signals.publish(self.db, signals.QUEUE, is_hinted=bool(hint))
        return took

    def _switch(
        self, statement: str, values: Sequence[object], hint: Hint = NO_HINT
    ) -> bool:
        connection = connections[self.db]
        text = f"{statement} RETURNING name{hint.column}"
        params = [*values, *hint.params]
        return bool(
            faults.retry_conflicts(self.db, lambda: sql.fetch(connection, text, params))
        )


# The names of those that are paused now, as a part of other statements.
PAUSED = f"SELECT name FROM {QUEUE} WHERE paused_at IS NOT NULL"

# Of two who do the same at once, the second one finds it done.
_PAUSE = f"""
INSERT INTO {QUEUE} AS q (name, paused_at, paused_by, pause_reason)
VALUES (%s, %s, %s, %s)
ON CONFLICT (name) DO UPDATE SET paused_at = EXCLUDED.paused_at,
    paused_by = EXCLUDED.paused_by, pause_reason = EXCLUDED.pause_reason
WHERE q.paused_at IS NULL
"""
_RESUME = f"""
UPDATE {QUEUE} SET paused_at = NULL, paused_by = '', pause_reason = ''
WHERE name = %s AND paused_at IS NOT NULL
"""


class Queue(models.Model):
    """A queue that somebody has paused at some time; others have no row."""

    name = models.TextField(_("name"), primary_key=True)
    paused_at = models.DateTimeField(_("paused at"), null=True, blank=True)
    paused_by = models.TextField(_("paused by"), default="", blank=True)
    pause_reason = models.TextField(_("why paused"), default="", blank=True)

    objects = QueueQuerySet.as_manager()

    class Meta:
        verbose_name = _("queue")
        verbose_name_plural = _("queues")
        default_permissions = ()

    def __str__(self) -> str:
        return visible(self.name, limit=200, lines=False)
