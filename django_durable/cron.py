"""Cron expressions: checked at once, told in words, and what they mean for clocks.

Ticks are what cronsim says, which follows Debian's cron where the clocks of a time
zone change: a time that is left out comes at the end of the gap, and one that comes
twice counts once. It knows no ``@daily``; those names are ours.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from django_durable.exceptions import InvalidSchedule

LONGEST = 200
ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@hourly": "0 * * * *",
}

# Where an expression has to have a tick: a leap year is not far, nor is a day of the
# week on it.
_FROM = datetime(2024, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
# Nobody looks further for a change of the clocks at a time.
_FAR_DAYS = 400
_LONGEST_MONTHS = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
# They mean something else on each machine, or nothing.
_VAGUE = ("localtime", "posixrules", "Factory")
# Back from a moment in these steps, until there is a tick: few are passed over.
_BACK = (timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), timedelta(31))


def check_cron(value: object) -> str:
    """Return an expression as it is stored, or raise InvalidSchedule.

    Five fields, or six with the seconds first, or one of the names in ALIASES.
    """
    if not isinstance(value, str):
        raise InvalidSchedule(value, "cron", "it is not a string")
    if len(value) > LONGEST:
        problem = f"it has {len(value)} characters, {LONGEST} are allowed"
        raise InvalidSchedule(value, "cron", problem)
    expression = " ".join(value.split())
    if expression.startswith("@"):
        return _alias(expression)
    try:
        found = CronSim(expression, _FROM)
    except CronSimError as error:
        raise InvalidSchedule(value, *_reason(str(error))) from None
    if not (_has_days(found) and next(found, None)):
        raise InvalidSchedule(value, "cron", "there is no such moment")
    return expression


def check_time_zone(value: object) -> str:
    """Return the name of a time zone, or raise InvalidSchedule."""
    name = value.key if isinstance(value, ZoneInfo) else value
    if not isinstance(name, str):
        raise InvalidSchedule(value, "time_zone", "it is not the name of a time zone")
    try:
        ZoneInfo(name)
        is_known = name not in _VAGUE
    except (KeyError, ValueError, OSError):
        is_known = False
    if not is_known:
        raise InvalidSchedule(value, "time_zone", "no such time zone is known here")
    return name


class Timetable:
    """The moments, in UTC, of a cron expression in a time zone."""

    def __init__(self, expression: str, time_zone: str) -> None:
        self._expression = ALIASES.get(expression, expression)
        self.zone = ZoneInfo(time_zone)

    @property
    def in_words(self) -> str:
        """The expression in English: ``At 03:00 every day``."""
        return CronSim(self._expression, _FROM).explain()

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Yield every tick later than a moment, in order."""
        last = moment
        with suppress(OverflowError):  # The calendar ends.
            for tick in self._found(moment):
                # In an hour that comes twice, it begins with the first one again.
                if tick > last:
                    yield tick
                    last = tick

    def _found(self, moment: datetime) -> Iterator[datetime]:
        """Yield what cronsim finds after a moment, and at times a little before it."""
        local = CronSim(self._expression, moment.astimezone(self.zone))
        if local.fixup_tz is None and _changes_by_half_hours(self.zone.key):
            return _by_wall_clock(self._expression, self.zone, moment)
        return (found.astimezone(UTC) for found in local)

    def next_after(self, moment: datetime) -> datetime:
        """Return the first tick later than a moment; raises InvalidSchedule."""
        if (found := next(self.after(moment), None)) is not None:
            return found
        raise InvalidSchedule(self._expression, "cron", f"nothing follows {moment}")

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Yield the ticks from ``start`` to ``end``, both included."""
        for tick in self.after(start - timedelta.resolution):
            if tick > end:
                return
            yield tick

    def latest(self, start: datetime, end: datetime) -> datetime | None:
        """Return the last tick from ``start`` to ``end``, both included."""
        for begin in self._shortly_before(end):
            if begin > start and (found := self._last(begin, end)):
                return found
        return self._last(start, end)

    def _shortly_before(self, end: datetime) -> Iterator[datetime]:
        """Yield moments from which it is not far to ``end``, the nearest first.

        The first is that of the last tick, where no clocks change.
        """
        local = end.astimezone(self.zone)
        with suppress(StopIteration):
            yield next(CronSim(self._expression, local, reverse=True))
        yield from (end - back for back in _BACK)

    def _last(self, start: datetime, end: datetime) -> datetime | None:
        last = None
        for last in self.between(start, end):  # noqa: B007
            pass
        return last


def _by_wall_clock(
    expression: str, zone: ZoneInfo, moment: datetime
) -> Iterator[datetime]:
    """Yield ticks from one change of the clocks to the next one.

    cronsim walks by hours, and leaves minute 0 where clocks change by half of one.
    """
    start = moment.astimezone(UTC).replace(microsecond=0) + _SECOND
    while True:
        offset, end = _offset(start, zone), _next_change(start, zone)
        begin = (start - _SECOND + offset).replace(tzinfo=None)
        for found in CronSim(expression, begin):
            tick = (found - offset).replace(tzinfo=UTC)
            if tick >= end:
                break
            yield tick
        start = end


def _next_change(start: datetime, zone: ZoneInfo) -> datetime:
    """Return when clocks change next, or a moment far off before which they do not."""
    offset, end = _offset(start, zone), start
    for _ in range(_FAR_DAYS):
        before, end = end, end + timedelta(days=1)
        if _offset(end, zone) != offset:
            break
    else:
        return end
    while end - before > _SECOND:
        middle = before + ((end - before) // 2 // _SECOND) * _SECOND
        if _offset(middle, zone) == offset:
            before = middle
        else:
            end = middle
    return end


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


@cache
def _changes_by_half_hours(zone_name: str) -> bool:
    """Tell whether a zone has offsets that differ by no whole hours; Lord Howe has."""
    zone = ZoneInfo(zone_name)
    months = (_FROM + timedelta(days=30 * number) for number in range(24))
    rests = {_offset(month, zone) % timedelta(hours=1) for month in months}
    return len(rests) > 1


def _has_days(found: CronSim) -> bool:
    """Tell whether some day may fit, before fifty years are searched for one."""
    if not found.day_and:
        return True
    longest = max(_LONGEST_MONTHS.get(month, 31) for month in found.months)
    days = [day for day in found.days if day <= longest]
    return any(_may_meet(day, weekday) for day in days for weekday in found.weekdays)


def _may_meet(day: int, weekday: int | tuple[int, int]) -> bool:
    """Tell whether a day of the month may be that day of the week."""
    number, week = weekday if isinstance(weekday, tuple) else (weekday, 0)
    if day == CronSim.LAST_WEEKDAY and number % 7 in (0, 6):
        return False
    days = range(26, 32) if day < 0 else range(day, day + 1)
    first = {0: 1, CronSim.LAST: 22}.get(week, 7 * week - 6)
    last = 7 * week if week > 0 else 31
    return any(first <= each <= last for each in days)


def _alias(expression: str) -> str:
    name = expression.lower()
    if name not in ALIASES:
        problem = f"of such names there are {', '.join(sorted(ALIASES))}"
        raise InvalidSchedule(expression, "cron", problem)
    return name


def _reason(message: str) -> tuple[str, str]:
    """Turn what cronsim says into the field that is wrong, and what is the matter."""
    if message.startswith("Bad "):
        field = message.removeprefix("Bad ")
        return field, "it holds what this field cannot have"
    return "cron", "it needs five fields, or six with the seconds first"
