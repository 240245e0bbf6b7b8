"""Schedules: what the code of workers declares, and when each is due next."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db import models
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from django_durable import clock
from django_durable.cron import Timetable, check_cron, check_time_zone
from django_durable.display import visible
from django_durable.exceptions import InvalidSchedule
from django_durable.models.scheduling import Declaration, ScheduleQuerySet

# One look makes up for so many ticks at most; the next one follows at once.
MOST_AT_ONCE = 100
# What is later was missed: until then a worker may have been restarted.
LATE = timedelta(seconds=15)
# Whoever is later than this may be waiting for a worker that does not come.
OVERDUE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Turn:
    """What is to be done about a schedule that is due."""

    ticks: Sequence[datetime]
    next_at: datetime


class Schedule(models.Model):
    """A workflow that workers start at the moments of a cron expression."""

    class Overlap(models.TextChoices):
        SKIP = "skip", _("skip while the last one runs")
        ALLOW = "allow", _("allow")

    class CatchUp(models.TextChoices):
        NONE = "none", _("none")
        ONE = "one", _("the latest one")
        ALL = "all", _("all")

    name = models.TextField(_("name"), primary_key=True)
    workflow_name = models.TextField(_("workflow"))
    cron = models.TextField(_("cron expression"))
    time_zone = models.TextField(_("time zone"))
    overlap = models.CharField(_("overlap"), max_length=8, choices=Overlap)
    catch_up = models.CharField(_("catching up"), max_length=8, choices=CatchUp)
    queue_name = models.TextField(_("queue"))
    inputs = models.TextField(_("inputs"))
    takes_moment = models.BooleanField(
        _("takes its moment"),
        default=False,
        help_text=_("Whether the workflow is given the moment of its tick."),
    )

    next_at = models.DateTimeField(_("next at"))
    skipped = models.BigIntegerField(_("ticks skipped"), default=0)
    skipped_in_row = models.BigIntegerField(
        _("ticks skipped in a row"),
        default=0,
        help_text=_("Since the last one that has started a workflow."),
    )
    paused_at = models.DateTimeField(_("paused at"), null=True, blank=True)
    paused_by = models.TextField(_("paused by"), default="", blank=True)
    pause_reason = models.TextField(_("why paused"), default="", blank=True)
    created_at = models.DateTimeField(_("created at"))
    changed_at = models.DateTimeField(_("declaration changed at"))

    objects = ScheduleQuerySet.as_manager()

    class Meta:
        verbose_name = _("schedule")
        verbose_name_plural = _("schedules")
        default_permissions = ()

    def __str__(self) -> str:
        return visible(self.name, limit=200, lines=False)

    @property
    def declaration(self) -> Declaration:
        """What code has declared."""
        return Declaration(
            **{name: getattr(self, name) for name in Declaration.__slots__}
        )

    @property
    def is_paused(self) -> bool:
        """Tell whether somebody has paused it."""
        return self.paused_at is not None

    @property
    def is_overdue(self) -> bool:
        """Tell whether a worker should have fired it more than a minute ago."""
        return not self.is_paused and self.next_at < clock.now() - OVERDUE

    @property
    def is_ahead(self) -> bool:
        """Tell whether a tick comes before the next one: a clock was ahead once."""
        if self.is_paused:
            return False
        with suppress(InvalidSchedule):
            return self.next_at > self.timetable.next_after(clock.now() + OVERDUE)
        return False

    @property
    def timetable(self) -> Timetable:
        """The moments of its cron expression; InvalidSchedule if it has none.

        Somebody may have changed the row by hand, or the zone be unknown here.
        """
        return Timetable(check_cron(self.cron), check_time_zone(self.time_zone))

    @property
    def in_words(self) -> str:
        """The cron expression in English: ``At 03:00 every day``."""
        with suppress(InvalidSchedule):
            return self.timetable.in_words
        return ""

    def upcoming(self, number: int = 5) -> list[datetime]:
        """Return its next ticks in its time zone; none while it is paused."""
        if self.is_paused:
            return []
        with suppress(InvalidSchedule, OverflowError):
            table = self.timetable
            later = islice(table.after(self.next_at), max(0, number - 1))
            ticks = (self.next_at, *later)[:number]
            return [at.astimezone(table.zone) for at in ticks]
        return []

    def recent(self, number: int = 10) -> list[Any]:
        """Return its last ticks, the latest first, each with its workflow.

        One query; inputs, output and error of the workflows are not read.
        """
        payloads = ("workflow__inputs", "workflow__output", "workflow__error")
        ticks = self.ticks.select_related("workflow").defer(*payloads)
        return list(ticks.order_by("-scheduled_at")[:number])

    def turn(self, now: datetime) -> Turn:
        """Say which of the ticks that have come are to be acted upon.

        What is not older than LATE is merely late; what is older was missed, and it
        depends on the policy.
        """
        table = self.timetable
        if self.catch_up == self.CatchUp.ALL:
            ticks = list(islice(table.between(self.next_at, now), MOST_AT_ONCE))
            return Turn(ticks, table.next_after(ticks[-1] if ticks else now))
        ticks = list(table.between(max(self.next_at, now - LATE), now))
        if not ticks and self.catch_up == self.CatchUp.ONE:
            missed = table.latest(self.next_at, now)
            ticks = [missed] if missed is not None else []
        return Turn(ticks, table.next_after(now))

    def move_on(self, next_at: datetime, *, started: int, skipped: int) -> None:
        """Be due again later; to be called in the transaction of its lock."""
        in_row = skipped if started else F("skipped_in_row") + skipped
        type(self).objects.using(self._state.db).filter(pk=self.pk).update(
            next_at=next_at, skipped=F("skipped") + skipped, skipped_in_row=in_row
        )
