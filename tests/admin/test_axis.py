"""The time axis of the timeline."""

import pytest

from django_durable.admin.detail.axis import axis, gaps

pytestmark = pytest.mark.once

HOUR = 3600.0


def test_short_idle_times_are_drawn_to_scale():
    scale = axis(0, 10, [(0, 4), (5, 10)], left=100, width=200)

    assert scale.breaks == []
    assert [scale.x(moment) for moment in (0, 5, 10)] == [100, 200, 300]


def test_a_long_idle_time_takes_little_room():
    scale = axis(0, HOUR + 2, [(0, 1), (HOUR + 1, HOUR + 2)], left=0, width=1000)

    (left_out,) = scale.breaks
    assert (left_out.start, left_out.end) == (1, HOUR + 1)
    assert scale.x(1) > 400
    assert scale.x(HOUR + 1) - scale.x(1) < 50
    assert scale.x(HOUR + 2) == pytest.approx(1000)


def test_a_week_does_not_hide_that_an_hour_is_left_out_too():
    week = 168 * HOUR
    busy = [(0, 1), (HOUR, HOUR + 1), (week, week + 1)]

    scale = axis(0, week + 1, busy, left=0, width=1000)

    assert len(scale.breaks) == 2
    assert scale.x(1) > 200


def test_the_axis_never_runs_backwards():
    busy = [(5, 3), (0, 0), (2, 90_000), (1, 8)]
    scale = axis(0, 100_000, busy, left=0, width=500)

    places = [scale.x(moment) for moment in range(-10, 110_000, 500)]

    assert places == sorted(places)
    assert (places[0], places[-1]) == (0, pytest.approx(500))


@pytest.mark.parametrize("busy", [[], [(0, 0)], [(-5, -1)], [(0, 7)]])
def test_a_workflow_without_any_length_has_an_axis(busy):
    scale = axis(0, 0, busy, left=10, width=100)

    assert 10 <= scale.x(0) <= 110


def test_gaps_are_what_nothing_covers():
    assert gaps(0, 10, [(4, 6), (1, 5)]) == [(0, 1), (6, 10)]
