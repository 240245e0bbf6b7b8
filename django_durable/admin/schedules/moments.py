"""Moments in the time zone of a schedule, with their distance from UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from django_durable.cron import Timetable, check_time_zone
from django_durable.exceptions import InvalidSchedule


@dataclass(frozen=True, slots=True)
class Moment:
    """One that nobody mistakes for another: ``2026-10-25 02:30+02:00``."""

    at: datetime

    def __str__(self) -> str:
        is_whole = not (self.at.second or self.at.microsecond)
        return self.at.isoformat(sep=" ", timespec="minutes" if is_whole else "seconds")

    @property
    def iso(self) -> str:
        """As programs read it."""
        return self.at.isoformat()


def timetable_of(row: Any) -> Timetable | None:
    """Return the moments of a schedule; None of one that no code of ours wrote."""
    try:
        found: Timetable = row.timetable
    except InvalidSchedule:
        return None
    return found


def zone_of(row: Any) -> tzinfo:
    """Return the time zone of a schedule; UTC where there is no such zone."""
    try:
        return ZoneInfo(check_time_zone(row.time_zone))
    except InvalidSchedule:
        return UTC


def moment_in(zone: tzinfo, at: datetime) -> Moment:
    """Return a moment as clocks of a zone show it."""
    try:
        return Moment(at.astimezone(zone))
    except OverflowError:  # At the ends of the calendar a zone has none.
        return Moment(at)
