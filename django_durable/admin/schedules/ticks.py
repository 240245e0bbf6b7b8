"""The last ticks of schedules, and what became of the workflows that they started."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from django.db import connections
from django.http import HttpRequest
from django.utils.translation import gettext as _, gettext_lazy

from django_durable.admin.actions.asking import page_of
from django_durable.admin.badges import badge, status_parts
from django_durable.admin.schedules.moments import Moment, moment_in
from django_durable.models import Tick, sql
from django_durable.models.tables import TICK
from django_durable.models.workflow import PAYLOADS
from django_durable.redaction import HIDDEN

_LAST = f"""
SELECT * FROM (
    SELECT schedule_id, scheduled_at, kind, workflow_id FROM {TICK}
    WHERE schedule_id = %s ORDER BY scheduled_at DESC LIMIT {{most:d}}) AS part
"""
_HOW: dict[str, Any] = {
    Tick.Kind.HAND: gettext_lazy("by hand"),
    Tick.Kind.BACKFILL: gettext_lazy("backfill"),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A tick as the pages show it: when, how it came, and what became of it."""

    moment: Moment
    how: str
    kind: str
    icon: str
    word: str
    workflow: Any = None
    address: str = ""
    is_hidden: bool = False

    @property
    def text(self) -> str:
        """All of it in words."""
        text = f"{self.moment}: {self.word}"
        return f"{text}, {self.how}" if self.how else text

    @property
    def badge(self) -> str:
        """What became of it, as a badge."""
        return badge(self.kind, self.icon, self.word)


def last_ticks(using: str, names: Sequence[str], most: int) -> dict[str, list[Tick]]:
    """Return the last ticks of each schedule, the latest first, by one statement."""
    if not names:
        return {}
    statement = " UNION ALL ".join([_LAST.format(most=most)] * len(names))
    found: dict[str, list[Tick]] = defaultdict(list)
    rows = sql.fetch(connections[using], statement, names)
    for name, at, kind, workflow_id in rows:
        moment: Any = sql.moment(at)
        tick = Tick(
            schedule_id=name, scheduled_at=moment, kind=kind, workflow_id=workflow_id
        )
        found[name].append(tick)
    for ticks in found.values():
        ticks.sort(key=_when, reverse=True)
    return found


def seen_workflows(
    model_admin: Any, request: HttpRequest, ticks: Iterable[Tick]
) -> dict[str, Any]:
    """Return by their ids the workflows of ticks that the user may see."""
    ids = {tick.workflow_id for tick in ticks} - {None}
    if not ids:
        return {}
    rows = model_admin.get_queryset(request).filter(pk__in=ids).defer(*PAYLOADS)
    may_see = model_admin.has_view_permission
    return {row.pk: row for row in rows if may_see(request, row)}


def outcomes(
    model_admin: Any, ticks: Iterable[Tick], seen: dict[str, Any], zone: tzinfo
) -> list[Outcome]:
    """Return ticks with what became of them; of hidden workflows, that they are."""
    return [_outcome(model_admin, tick, seen, zone) for tick in ticks]


def _outcome(
    model_admin: Any, tick: Tick, seen: dict[str, Any], zone: tzinfo
) -> Outcome:
    moment = moment_in(zone, tick.scheduled_at)
    came = how(tick)
    if tick.workflow_id is None:
        return Outcome(moment, came, "cancelled", "–", _("skipped"))
    workflow = seen.get(tick.workflow_id)
    if workflow is None:
        return Outcome(moment, came, "unknown", "?", HIDDEN, is_hidden=True)
    parts = status_parts(workflow)
    return Outcome(
        *(moment, came, parts["kind"], parts["icon"], parts["word"]),
        workflow=workflow,
        address=page_of(model_admin, workflow.pk),
    )


def how(tick: Tick) -> str:
    """Say how a tick came, unless it came on time."""
    return str(_HOW.get(tick.kind, ""))


def _when(tick: Tick) -> datetime:
    return tick.scheduled_at
