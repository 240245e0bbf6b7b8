"""A schedule as the pages show it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _

from django_durable import conf
from django_durable.admin import audit, dashboard
from django_durable.admin.figures.ages import age
from django_durable.admin.holds import pause_text
from django_durable.admin.permissions import may
from django_durable.admin.schedules.moments import Moment, moment_in, timetable_of
from django_durable.admin.schedules.ticks import Outcome
from django_durable.display import visible
from django_durable.models import Schedule
from django_durable.models.ids import may_exist
from django_durable.models.scheduling import ScheduleQuerySet

MANAGE = "manage_schedule"


@dataclass(frozen=True, slots=True)
class Shown:
    """One schedule with its last ticks, the latest first."""

    row: Any
    now: datetime
    outcomes: Sequence[Outcome]
    words: str
    upcoming: Sequence[Moment]
    is_declared: bool

    @property
    def key(self) -> str:
        """What stands for the name in places where it cannot be made visible."""
        name = self.row.name.encode(errors="replace")
        return blake2b(name, digest_size=8).hexdigest()

    @property
    def state(self) -> str:
        """E.g. ``PAUSED by ana 09:12: the shop is closed``, or ``on``."""
        return pause_text(self.row) or _("on")

    @property
    def due(self) -> str:
        """How soon the next tick comes; nothing while it is paused."""
        if self.row.is_paused:
            return ""
        if self.row.next_at <= self.now:
            return _("due for %s") % age(self.row.next_at, self.now)
        return _("in %s") % age(self.now, self.row.next_at)

    @property
    def skipped(self) -> str:
        """How many ticks were left out since the one before them still ran."""
        given = {"all": self.row.skipped, "since": self.row.skipped_in_row}
        if not self.row.skipped_in_row:
            return f"{self.row.skipped}"
        return _("%(all)s, %(since)s since the last start") % given

    @property
    def figures(self) -> dict[str, str]:
        """What changes while somebody looks, by the names of the places."""
        return {
            f"{name}:{self.key}": getattr(self, name)
            for name in ("state", "due", "skipped")
        }

    @property
    def version(self) -> str:
        """What changes when there is more to show."""
        last = [outcome.text for outcome in self.outcomes]
        row = self.row
        return f"{row.name} {row.next_at} {row.changed_at} {row.paused_at} {last}"


def shown(
    row: Any,
    now: datetime,
    outcomes: Sequence[Outcome],
    live: Collection[str],
    number: int,
) -> Shown:
    """Return a schedule with so many of its next ticks."""
    table, words, upcoming = timetable_of(row), "", []
    if table is not None:
        words = table.in_words
        upcoming = [moment_in(table.zone, at) for at in row.upcoming(number)]
    return Shown(row, now, outcomes, words, upcoming, is_declared=row.name in live)


def asked(request: HttpRequest) -> Any:
    """Return the schedule that the address names; raises Http404 without one."""
    name = request.GET.get("schedule", "")
    row = rows().filter(pk=name).first() if may_exist(name) else None
    if row is None:
        raise Http404
    return row


def rows() -> ScheduleQuerySet:
    """Return the schedules that there are."""
    return Schedule.objects.using(conf.current().database)


def address(request: HttpRequest, page: str, name: str) -> str:
    """Return where a page of one schedule is."""
    return f"{dashboard.address(request, page)}?{urlencode({'schedule': name})}"


def tools(request: HttpRequest, each: Shown) -> list[tuple[str, str]]:
    """Return what this user may do to a schedule: labels and addresses."""
    if not may(request, MANAGE):
        return []
    pages = (
        ("schedule_resume", _("Resume…"))
        if each.row.is_paused
        else ("schedule_pause", _("Pause…")),
        ("schedule_run", _("Run now…")),
        ("schedule_backfill", _("Backfill…")),
        # What workers declare, the next one that starts would make anew.
        *([] if each.is_declared else [("schedule_delete", _("Delete…"))]),
    )
    return [(label, address(request, page, each.row.name)) for page, label in pages]


def title_of(row: Any) -> str:
    """Return the name as it may stand in a sentence."""
    return visible(row.name, limit=80, lines=False)


def facts(row: Any) -> dict[str, Any]:
    """Return for the pages that ask how it is, perhaps by code, and what was done."""
    entries = audit.entries_of(Schedule, row.pk)
    return {"state": pause_text(row), "entries": entries}
