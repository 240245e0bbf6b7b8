"""A clock that only the test moves."""

from datetime import UTC, datetime, timedelta

import pytest

import django_durable as durable
from django_durable import clock
from django_durable.models import Attempt, Workflow
from django_durable.testing import fail_step, run_until_idle, virtual_time
from tests.testing import workflows
from tests.workflows import calls

pytestmark = pytest.mark.django_db


def test_the_clock_stands_still_until_it_is_moved():
    with virtual_time() as time:
        before = clock.now()
        assert time.now() == clock.now() == before
        after = time.advance(90, hours=1)

        assert clock.now() == after == before + timedelta(minutes=61, seconds=30)
    assert clock.now() < after


def test_it_begins_where_the_test_wants():
    start = datetime(2030, 1, 1, tzinfo=UTC)

    with virtual_time(start):
        handle = workflows.daily.start(0)
        run_until_idle()

        assert handle.get_result() == start
        assert Workflow.objects.get().created_at == start


@pytest.mark.parametrize("wrong", [-1, timedelta(-1), float("nan")])
def test_it_does_not_run_backwards(wrong):
    with virtual_time() as time, pytest.raises(ValueError, match="not"):
        time.advance(wrong)


def test_units_do_not_run_backwards_either():
    with virtual_time() as time, pytest.raises(ValueError, match="backwards"):
        time.advance(days=-1)


def test_a_start_without_a_time_zone_is_refused():
    with pytest.raises(ValueError, match="aware"), virtual_time(datetime(2030, 1, 1)):
        pass


def test_a_sleeping_workflow_does_not_repeat_its_steps():
    with virtual_time() as time:
        handle = workflows.remind.start(3)
        run_until_idle()
        time.advance(days=2, hours=23)
        assert run_until_idle() == 0
        time.advance(hours=1)
        run_until_idle()

    assert handle.get_result() == "reminded"
    assert calls == ["charge", "awake", "committed reminded"]


def test_the_delays_of_retries_follow_it():
    with virtual_time() as time, fail_step("charge", workflows.Declined, times=2):
        handle = workflows.double.start(1)
        run_until_idle()
        assert Attempt.objects.count() == 1
        time.advance(hours=1)
        run_until_idle()
        assert Attempt.objects.count() == 2
        time.advance(hours=2)
        run_until_idle()

    assert handle.get_result() == 2


def test_a_delayed_start_follows_it():
    with virtual_time() as time:
        handle = workflows.double.using(run_after=timedelta(days=1)).start(1)
        assert run_until_idle() == 0
        time.advance(days=1)
        run_until_idle()

    assert handle.get_result() == 2


def test_a_wait_for_a_result_times_out_by_it():
    with virtual_time() as time:
        other = workflows.remind.start(10)
        handle = impatient.start(other.workflow_id)
        run_until_idle()
        assert handle.get_status() == "WAITING"
        time.advance(hours=1)
        run_until_idle()

    assert handle.get_result() == "gave up"


def test_living_through_a_stretch_stops_at_each_due_moment():
    start = datetime(2030, 1, 1, tzinfo=UTC)

    with virtual_time(start) as time:
        handle = workflows.daily.start(10)
        executions = time.run_for(days=30)

        assert handle.get_result() == start + timedelta(days=10)
        assert time.now() == start + timedelta(days=30)
    assert executions == 11
    assert calls == ["charge"] * 10


def test_living_through_too_short_a_stretch_leaves_the_rest_waiting():
    with virtual_time() as time:
        handle = workflows.daily.start(10)
        time.run_for(days=5, hours=12)

        assert handle.get_status() == "WAITING"
        assert len(calls) == 5


@durable.workflow
def impatient(pk):
    try:
        return durable.retrieve_workflow(pk).get_result(timeout=3600)
    except durable.WaitTimeout:
        return "gave up"
