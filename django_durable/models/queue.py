"""Queues that somebody has paused or limited: workers take nothing, or less."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connections, models
from django.utils.translation import gettext_lazy as _

from django_durable import clock, limits, signals
from django_durable.display import visible
from django_durable.durations import Seconds
from django_durable.limits import Limits
from django_durable.models import faults, hints, sql
from django_durable.models.hints import NO_HINT, Hint
from django_durable.models.tables import QUEUE
from django_durable.models.usage import Usage, usage_of
from django_durable.names import check_queue_name


class QueueQuerySet(models.QuerySet["Queue"]):
    """Pausing, resuming, limiting: each one statement that names what it expects."""

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
        return self._switch_loudly(_RESUME, [check_queue_name(name)])

    def limited(self) -> "QueueQuerySet":
        """Keep those of which workers take only so many."""
        return self.exclude(concurrency=None, rate=None)

    def limit(
        self,
        name: str,
        *,
        concurrency: int | None = None,
        rate: int | None = None,
        period: Seconds | None = None,
    ) -> bool:
        """State all limits of a queue; return whether that changed any.

        At most ``concurrency`` of its workflows are executed at once, and at most
        ``rate`` are started in any ``period``; None lifts a limit. Workers hear of
        it at once. See ``durable.limit_queue()``. Raises ValueError.
        """
        name = check_queue_name(name)
        stated = limits.checked(concurrency, rate, period)
        known = self.filter(pk=name).first()
        if stated == (known.limits if known is not None else Limits()):
            return False  # A look locks nothing that claims need.
        values = [stated.concurrency, stated.rate, stated.period]
        if stated == Limits():
            return self._switch_loudly(_LIFT, [name])
        return self._switch_loudly(_LIMIT, [name, *values])

    def usage(self, now: datetime | None = None) -> list[Usage]:
        """Return how much of their limits the queues have used that have some."""
        limited = [(queue.name, queue.limits) for queue in self.limited()]
        return usage_of(self.db, limited, clock.now() if now is None else now)

    def _switch_loudly(self, statement: str, values: Sequence[object]) -> bool:
        with hints.riding(connections[self.db], [signals.QUEUE]) as hint:
            took = self._switch(statement, values, hint)
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
# A claim that has seen other limits finds another number of claims, and takes nothing.
_LIMIT = f"""
INSERT INTO {QUEUE} AS q (name, paused_by, pause_reason, concurrency, rate, period,
    claims)
VALUES (%s, '', '', %s, %s, %s, 1)
ON CONFLICT (name) DO UPDATE SET concurrency = EXCLUDED.concurrency,
    rate = EXCLUDED.rate, period = EXCLUDED.period, claims = q.claims + 1
WHERE COALESCE(q.concurrency, -1) <> COALESCE(EXCLUDED.concurrency, -1)
    OR COALESCE(q.rate, -1) <> COALESCE(EXCLUDED.rate, -1)
    OR COALESCE(q.period, -1) <> COALESCE(EXCLUDED.period, -1)
"""
_LIFT = f"""
UPDATE {QUEUE}
SET concurrency = NULL, rate = NULL, period = NULL, claims = claims + 1
WHERE name = %s AND (concurrency IS NOT NULL OR rate IS NOT NULL)
"""


class Queue(models.Model):
    """A queue that somebody has paused or limited at some time; others have no row."""

    name = models.TextField(_("name"), primary_key=True)
    paused_at = models.DateTimeField(_("paused at"), null=True, blank=True)
    paused_by = models.TextField(_("paused by"), default="", blank=True)
    pause_reason = models.TextField(_("why paused"), default="", blank=True)
    concurrency = models.IntegerField(
        _("at once"),
        null=True,
        blank=True,
        help_text=_("So many are executed at once; null: any number."),
    )
    rate = models.IntegerField(
        _("rate"),
        null=True,
        blank=True,
        help_text=_("So many are started in any period; null: any number."),
    )
    period = models.FloatField(_("period in seconds"), null=True, blank=True)
    # Raised by each claim within the limits. Code from before it inserts rows, too.
    claims = models.BigIntegerField(default=0, db_default=0, editable=False)

    objects = QueueQuerySet.as_manager()

    class Meta:
        verbose_name = _("queue")
        verbose_name_plural = _("queues")
        default_permissions = ()

    def __str__(self) -> str:
        return visible(self.name, limit=200, lines=False)

    @property
    def is_limited(self) -> bool:
        """Tell whether it has limits."""
        return self.limits != Limits()

    @property
    def limits(self) -> Limits:
        """How many of it are executed at once, and started in a period."""
        return Limits(self.concurrency, self.rate, self.period)


class QueueStart(models.Model):
    """How many workflows of a queue with a rate were started, in a slice of time.

    Claims write it, and remove what is older than the queue's period.
    """

    pk = models.CompositePrimaryKey("queue_name", "slice")
    queue_name = models.TextField(_("queue"))
    slice = models.BigIntegerField()
    started_at = models.DateTimeField(_("started at"))
    number = models.IntegerField(_("number"))

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.queue_name}: {self.number}"
