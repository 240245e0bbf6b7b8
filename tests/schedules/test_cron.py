"""The moments of cron expressions, also where clocks change."""

from datetime import timedelta

import pytest
from cronsim import CronSim

from django_durable.cron import Timetable
from tests.counting import counting_calls
from tests.schedules.definitions import utc

pytestmark = pytest.mark.once

EXPRESSIONS = ["30 2 * * *", "*/20 1-3 * * *", "15 */2 * * *", "0 0 1 * *"]
NIGHTS = {
    "Australia/Lord_Howe": ("2026-04-04", "2026-10-03"),
    "Europe/Berlin": ("2026-03-28", "2026-10-24"),
    "America/New_York": ("2026-03-07", "2026-10-31"),
}


@pytest.mark.parametrize("expression", EXPRESSIONS)
@pytest.mark.parametrize("zone", list(NIGHTS))
def test_the_latest_tick_is_the_last_of_all(expression, zone):
    table = Timetable(expression, zone)

    for night in NIGHTS[zone]:
        start = utc(f"{night} 00:00") - timedelta(days=32)
        everything = list(table.between(start, start + timedelta(days=34)))
        for minutes in range(0, 48 * 60, 211):
            end = start + timedelta(days=32, minutes=minutes)
            expected = [tick for tick in everything if tick <= end][-1]
            assert table.latest(start, end) == expected


@pytest.mark.parametrize(
    "expression",
    ["0 */3 * * *", "*/30 3 * * *", "* 5 * * *", "*/7 2 * * *", "15 */2 * * *"],
)
@pytest.mark.parametrize("zone", ["Australia/Lord_Howe", "Europe/Berlin"])
def test_expressions_with_a_star_go_by_the_clocks_on_the_wall(expression, zone):
    table = Timetable(expression, zone)

    def fits(moment):
        wall = moment.astimezone(table.zone).replace(tzinfo=None)
        return next(CronSim(expression, wall - timedelta(seconds=1))) == wall

    for night in NIGHTS[zone]:
        start = utc(f"{night} 12:00")
        minutes = [start + timedelta(minutes=number) for number in range(24 * 60)]
        expected = [moment for moment in minutes if fits(moment)]
        assert list(table.between(start, minutes[-1])) == expected
        chain = [start - timedelta(seconds=1)]
        while len(chain) <= len(expected):
            chain.append(table.next_after(chain[-1]))
        assert chain[1:] == expected


@pytest.mark.parametrize("expression", ["* * 9-17 * * MON-FRI", "* * * * 1 *"])
def test_the_latest_of_very_many_ticks_is_found_at_once(expression):
    table = Timetable(expression, "UTC")
    start, end = utc("2025-01-05 00:00"), utc("2026-02-02 07:30")

    with counting_calls() as called:
        found = table.latest(start, end)

    assert len(called) < 1000  # There are millions of ticks.
    assert found == max(table.between(found - timedelta(minutes=5), end))
