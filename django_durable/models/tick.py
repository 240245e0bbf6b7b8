"""The moments of schedules that have come, and what each of them has started."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connections, models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from django_durable import clock
from django_durable.models import sql
from django_durable.models.status import ACTIVE, TERMINAL, Status
from django_durable.models.tables import TICK

# Of a schedule, those that have started nothing are kept to this number.
SKIPPED_KEPT = 100


class TickQuerySet(models.QuerySet["Tick"]):
    """Ticks of one schedule or of all."""

    def insert_new(self, ticks: Sequence["Tick"]) -> set[datetime]:
        """Insert ticks of one schedule; return the moments that are new.

        A moment that the schedule has already seen is left as it is.
        """
        connection = connections[self.db]
        rows = ", ".join(["(%s, %s, %s, %s, %s, FALSE)"] * len(ticks))
        moments = [(tick.scheduled_at, tick.created_at) for tick in ticks]
        stamps = [[sql.stamp(connection, at) for at in pair] for pair in moments]
        values = [
            value
            for tick, (scheduled_at, created_at) in zip(ticks, stamps, strict=True)
            for value in (
                tick.schedule_id,
                scheduled_at,
                tick.kind,
                tick.workflow_id,
                created_at,
            )
        ]
        found = sql.fetch(connection, _INSERT.format(rows), values)
        return {at for (value,) in found if (at := sql.moment(value)) is not None}

    def started(self) -> "TickQuerySet":
        """Keep those that have started a workflow."""
        return self.filter(workflow__isnull=False)

    def skipped(self) -> "TickQuerySet":
        """Keep those that have started nothing: the last workflow still ran."""
        return self.filter(workflow__isnull=True)

    def mark_over(self, schedule: str) -> None:
        """Mark what has ended for good, so that it is not looked at again.

        What was cancelled or dead may be resumed, but hardly after a day.
        """
        long_ago = clock.now() - timedelta(days=1)
        ended = Q(status__in=TERMINAL, changed_at__lt=long_ago)
        ended |= Q(status__in=(Status.SUCCESS, Status.ERROR))
        of_tick = self._workflows().filter(ended, pk=OuterRef("workflow_id"))
        self._open(schedule).filter(Exists(of_tick)).update(is_over=True)

    def has_active(self, schedule: str) -> bool:
        """Tell whether something that a schedule has started has not ended.

        What a backfill has started does not count.
        """
        active = self._workflows().filter(pk=OuterRef("workflow_id"), status__in=ACTIVE)
        own = self._open(schedule).exclude(kind=Tick.Kind.BACKFILL)
        return own.filter(Exists(active)).exists()

    def _open(self, schedule: str) -> "TickQuerySet":
        return self.started().filter(schedule=schedule, is_over=False)

    def _workflows(self) -> models.QuerySet[Any]:
        workflows = self.model._meta.get_field("workflow").related_model
        return workflows._base_manager.using(self.db)

    def make_up_for(self, schedule: str, moments: Sequence[datetime]) -> None:
        """Forget that moments of a schedule were skipped: they are to start now."""
        skipped = self.skipped().filter(schedule=schedule)
        skipped.filter(scheduled_at__in=moments).delete()

    def trim(self, schedule: str) -> None:
        """Forget all but the latest of the ticks that have started nothing."""
        skipped = self.skipped().filter(schedule=schedule).order_by("-scheduled_at")
        kept = skipped.values_list("scheduled_at", flat=True)
        if (last := kept[SKIPPED_KEPT - 1 : SKIPPED_KEPT].first()) is not None:
            skipped.filter(scheduled_at__lt=last).order_by().delete()


_INSERT = f"""
INSERT INTO {TICK} (schedule_id, scheduled_at, kind, workflow_id, created_at, is_over)
VALUES {{}} ON CONFLICT DO NOTHING RETURNING scheduled_at
"""


class Tick(models.Model):
    """A moment of a schedule that has come, or that a person has made."""

    class Kind(models.TextChoices):
        DUE = "due", _("on time")
        HAND = "hand", _("by hand")
        BACKFILL = "backfill", _("backfill")

    schedule = models.ForeignKey(
        "django_durable.Schedule",
        models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="ticks",
        verbose_name=_("schedule"),
    )
    scheduled_at = models.DateTimeField(_("scheduled at"))
    kind = models.CharField(_("kind"), max_length=8, choices=Kind, default=Kind.DUE)
    workflow = models.ForeignKey(
        "django_durable.Workflow",
        models.CASCADE,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="ticks",
        verbose_name=_("workflow"),
        help_text=_("Null: skipped, since the last one had not ended."),
    )
    is_over = models.BooleanField(
        _("is over"),
        default=False,
        help_text=_("Its workflow had ended when a later tick looked at it."),
    )
    created_at = models.DateTimeField(_("created at"))

    objects = TickQuerySet.as_manager()

    class Meta:
        verbose_name = _("tick")
        verbose_name_plural = _("ticks")
        default_permissions = ()
        constraints = [
            # A tick happens once. What a person starts by hand is no tick of cron's.
            models.UniqueConstraint(
                fields=["schedule", "scheduled_at"],
                name="durable_tick_once",
                condition=~Q(kind="hand"),
            ),
        ]
        indexes = [
            # recent(): the latest ones of a schedule.
            models.Index(
                fields=["schedule", "-scheduled_at"], name="durable_tick_recent"
            ),
            # mark_over(), has_active(): what may still run.
            models.Index(
                fields=["schedule"],
                name="durable_tick_open",
                condition=Q(is_over=False, workflow__isnull=False),
            ),
            # trim(), make_up_for().
            models.Index(
                fields=["schedule", "-scheduled_at"],
                name="durable_tick_skipped",
                condition=Q(workflow__isnull=True),
            ),
            # What goes with a workflow that is deleted; for_schedule().
            models.Index(
                fields=["workflow"],
                name="durable_tick_workflow",
                condition=Q(workflow__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.schedule_id} at {self.scheduled_at:%Y-%m-%d %H:%M:%S} UTC"

    @property
    def is_skipped(self) -> bool:
        """Tell whether it has started nothing, since the last one had not ended."""
        return self.workflow_id is None
