"""A schedule as the pages show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
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
    is_declared: bool
    number: int

    @property
    def short_name(self) -> str:
        """The last part of the workflow's name."""
        name = str(self.row.workflow_name)
        return visible(name.rpartition(".")[2] or name, limit=60, lines=False)

    @property
    def words(self) -> str:
        """The cron expression in words; nothing of one that cannot be read."""
        table = timetable_of(self.row)
        return table.in_words if table is not None else ""

    @property
    def upcoming(self) -> list[Moment]:
        """The next ticks, so many as are to be shown."""
        table = timetable_of(self.row)
        if table is None:
            return []
        return [moment_in(table.zone, at) for at in self.row.upcoming(self.number)]

    @property
    def key(self) -> str:
        """What stands for the name in places where it cannot be made visible."""
        name = self.row.name.encode(errors="replace")
        return blake2b(name, digest_size=8).hexdigest()

    @property
    def state(self) -> str:
        """E.g. ``PAUSED by ana 09:12: the shop is closed``, ``OVERDUE``, or ``on``."""
        return pause_text(self.row) or (_("OVERDUE") if self.is_overdue else _("on"))

    @property
    def is_overdue(self) -> bool:
        """Tell whether a worker should have looked, and none has."""
        return bool(self.row.is_overdue)

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
        return _("%(all)s (%(since)s since the last start)") % given

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
        moments = f"{row.next_at} {row.changed_at} {row.paused_at}"
        return f"{row.name} {moments} {self.is_overdue} {self.is_declared} {last}"


def asked(request: HttpRequest) -> Any:
    """Return the schedule that the address names; raises Http404 without one."""
    row = named(request)
    if row is None:
        raise Http404
    return row


def named(request: HttpRequest) -> Any:
    """Return the schedule that the address names, None without one."""
    name = request.GET.get("schedule", "")
    return rows().filter(pk=name).first() if may_exist(name) else None


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


def about(row: Any) -> str:
    """Return what a page says that it is about."""
    return _("Schedule %s") % title_of(row)


def facts(row: Any) -> dict[str, Any]:
    """Return for the pages that ask how it is, perhaps by code, and what was done."""
    entries = audit.entries_of(Schedule, row.pk)
    return {"state": pause_text(row), "entries": entries}


def refused(model_admin: Any, request: HttpRequest, row: Any) -> HttpResponse | None:
    """Lead back from a schedule with which this process can do nothing; else None."""
    if request.method != "POST" or timetable_of(row) is not None:
        return None
    text = _("Its cron expression or its time zone cannot be read here.")
    model_admin.message_user(request, f"“{title_of(row)}”: {text}", messages.ERROR)
    return HttpResponseRedirect(address(request, "schedule", row.name))
