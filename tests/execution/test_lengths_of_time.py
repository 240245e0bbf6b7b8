"""Time-outs and sleeps that cannot be meant are refused at the call; others count."""

import datetime as dt
import math

import pytest

import django_durable as durable
from django_durable import clock
from django_durable.exceptions import WaitTimeout
from django_durable.models import Step, Worker
from tests import workflows
from tests.crash.driver import Driver, MovableClock
from tests.running import in_loop, row_of

pytestmark = pytest.mark.django_db

HOUR = dt.timedelta(hours=1)
FAR_FUTURE = dt.datetime(2040, 1, 1, tzinfo=dt.UTC)
BAD = [
    (math.nan, ValueError),
    (math.inf, ValueError),
    (-1, ValueError),
    (-0.001, ValueError),
    (10**12, ValueError),
    (dt.timedelta(seconds=-1), ValueError),
    (dt.timedelta.max, ValueError),
    ("5", TypeError),
    (True, TypeError),
    ([5], TypeError),
]
LENGTHS = {str(index): value for index, (value, _) in enumerate(BAD)}

every_bad_length = pytest.mark.parametrize(("length", "error"), BAD, ids=repr)


@durable.workflow
def sleep_badly(index):
    durable.sleep(None if index == "None" else LENGTHS[index])


@durable.workflow
async def asleep_badly(index):
    await durable.asleep(LENGTHS[index])


@durable.workflow
def sleep_until_naive():
    durable.sleep_until(dt.datetime(2026, 1, 1))


@durable.workflow
def sleep_until_text():
    durable.sleep_until("2026-01-01")


@durable.workflow
def do_not_sleep():
    durable.sleep(0)
    durable.sleep(dt.timedelta(0))
    durable.sleep_until(clock.now() - dt.timedelta(days=1))
    return "awake"


@durable.workflow
def sleep_for_an_hour():
    durable.sleep(HOUR)


@pytest.fixture
def restored_clock():
    """Set the clock by the database's afterwards."""
    yield
    clock.synchronize(Worker.objects.database_now())


@every_bad_length
def test_a_bad_timeout_of_a_result_is_refused(length, error):
    handle = workflows.total.start(1)

    with pytest.raises(error, match="timeout"):
        handle.get_result(timeout=length)
    with pytest.raises(error, match="timeout"):
        in_loop(handle.aget_result, timeout=length)


@every_bad_length
@pytest.mark.parametrize("definition", [sleep_badly, asleep_badly])
def test_a_bad_sleep_is_refused_and_records_nothing(definition, length, error):
    index = next(i for i, value in LENGTHS.items() if value is length)

    with pytest.raises(error, match="sleep"):
        in_loop(definition.acall, index)

    assert not Step.objects.exists()


def test_a_sleep_needs_a_length():
    with pytest.raises(TypeError, match="sleep"):
        sleep_badly("None")


def test_a_sleep_needs_an_aware_moment():
    with pytest.raises(ValueError, match="aware"):
        sleep_until_naive()
    with pytest.raises(TypeError, match="datetime"):
        sleep_until_text()

    assert not Step.objects.exists()


def test_a_sleep_that_is_over_does_not_wait():
    assert do_not_sleep() == "awake"

    assert Step.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_a_sleep_is_measured_by_the_clock_of_the_database(restored_clock):
    clock.synchronize(FAR_FUTURE)
    driver = Driver(MovableClock(), f"{__name__}.sleep_for_an_hour")
    handle = sleep_for_an_hour.start()

    driver.work()

    wake_at = row_of(handle).wake_at
    assert wake_at is not None
    assert abs(wake_at - FAR_FUTURE - HOUR) < HOUR


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("timeout", [0, 0.01, dt.timedelta(milliseconds=10)])
def test_a_timeout_looks_at_least_once_and_then_gives_up(timeout):
    handle = workflows.total.start(1)

    with pytest.raises(WaitTimeout) as caught:
        handle.get_result(timeout=timeout)

    assert isinstance(caught.value, TimeoutError)
    assert handle.workflow_id in str(caught.value)


def test_a_timeout_of_zero_is_enough_for_a_result_that_is_there():
    with durable.SetWorkflowID("done"):
        workflows.total(1, 2)

    assert durable.retrieve_workflow("done").get_result(timeout=0) == 3
