"""Code that declares a schedule otherwise than before, and what stays as it is."""

import pytest

import django_durable as durable
from django_durable.definitions import schedules
from django_durable.execution import scheduling
from django_durable.management.diagnosis.schedules import look_at_schedules
from django_durable.models import Schedule
from django_durable.testing import run_until_idle, virtual_time
from tests.schedules.definitions import utc
from tests.schedules.test_firing import declare, fire, ticks

pytestmark = pytest.mark.django_db


def test_a_changed_time_is_counted_from_now_and_a_pause_stays():
    declare("0 3 * * *")
    with virtual_time(utc("2026-11-27 12:00"), schedules=True) as time:
        durable.pause_schedule("a", "no data")
        time.advance(days=2)
        schedules.forget("a")
        declare("0 4 * * *", time_zone="Europe/Berlin", kwargs={"region": "eu"})

        changed = scheduling.declare("default", schedules.all_schedules())
        again = scheduling.declare("default", schedules.all_schedules())

    row = Schedule.objects.get()
    assert (changed, again) == ((["a"], []), ([], []))
    assert row.next_at == utc("2026-11-30 03:00")
    assert (row.is_paused, row.pause_reason) == (True, "no data")
    assert row.inputs == 'json:[{"region":"eu"}]'


def test_other_arguments_do_not_change_when_it_is_due():
    declare("0 3 * * *", catch_up="one")
    with virtual_time(utc("2026-11-27 12:00"), schedules=True) as time:
        time.advance(days=1)
        schedules.forget("a")
        declare("0 3 * * *", catch_up="one", kwargs={"region": "eu"})
        scheduling.declare("default", schedules.all_schedules())
        run_until_idle()

    assert ticks() == ["28 03:00:00"]


def test_nothing_is_asked_twice_of_a_schedule_that_is_as_it_was(
    django_assert_num_queries,
):
    declare("0 3 * * *")
    declare("0 4 * * *", name="b")
    scheduling.declare("default", schedules.all_schedules())

    with django_assert_num_queries(1):
        scheduling.declare("default", schedules.all_schedules())


def test_a_schedule_that_newer_code_has_given_to_another_workflow_is_left_to_it():
    declare("0 * * * *")
    with virtual_time(utc("2026-11-27 12:00"), schedules=True) as time:
        Schedule.objects.update(workflow_name="newer")
        time.advance(hours=1)
        assert fire() == 0

    assert ticks() == []


def test_what_a_clock_that_was_ahead_has_put_off_is_set_right():
    declare("0 * * * *", overlap="allow")
    with virtual_time(utc("2026-11-27 12:00"), schedules=True) as time:
        time.move_to(utc("2036-11-27 12:30"))
        fire()
        time.move_to(utc("2026-11-27 12:30"))
        (said,) = look_at_schedules("default")

        declared = scheduling.declare("default", schedules.all_schedules())
        time.run_for(hours=1)

    assert "is due too late" in said.message
    assert declared.changed == ["a"]
    assert "27 13:00:00" in ticks()
