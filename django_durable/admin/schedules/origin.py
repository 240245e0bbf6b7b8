"""Which tick of which schedule has started a workflow."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from django_durable.admin.schedules.moments import Moment, moment_in, zone_of
from django_durable.admin.schedules.rows import address
from django_durable.admin.schedules.ticks import how

# Stands in every id that a schedule gives.
_MARK = "@"


@dataclass(frozen=True, slots=True)
class Origin:
    """A schedule, and the tick of it that has started a workflow."""

    name: str
    address: str
    moment: Moment
    how: str


def origin(request: HttpRequest, workflow: Any) -> Origin | None:
    """Return what has started a workflow; by no statement where its id says none."""
    if _MARK not in workflow.pk:
        return None
    tick = workflow.ticks.select_related("schedule").first()
    if tick is None:
        return None
    return Origin(
        tick.schedule_id,
        address(request, "schedule", tick.schedule_id),
        moment_in(zone_of(tick.schedule), tick.scheduled_at),
        how(tick),
    )
