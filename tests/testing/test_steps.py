"""Steps that fail on purpose, and what a workflow has recorded."""

import asyncio

import pytest

import django_durable as durable
from django_durable.models import Attempt
from django_durable.testing import (
    assert_steps,
    fail_step,
    run_until_idle,
    virtual_time,
)
from tests.models import Entry
from tests.testing import workflows
from tests.testing.workflows import Declined
from tests.workflows import calls

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "name",
    ["charge", workflows.charge, workflows.charge.name],
    ids=["short", "step", "full"],
)
def test_a_step_fails_without_being_called(name):
    with virtual_time() as time, fail_step(name, Declined("no"), times=3):
        handle = workflows.double.start(1)
        time.run_for(days=1)

    with pytest.raises(Declined, match="no"):
        handle.get_result()
    assert calls == []
    assert Attempt.objects.count() == 2


def test_it_fails_so_often_and_then_no_more():
    with virtual_time() as time, fail_step("charge", Declined, times=2):
        handle = workflows.double.start(1)
        time.run_for(days=1)

    assert handle.get_result() == 2
    assert calls == ["charge"]


def test_a_transaction_that_fails_leaves_nothing():
    with fail_step(workflows.enter, Declined("no")):
        handle = workflows.remind.start(0)
        run_until_idle()

    with pytest.raises(Declined):
        handle.get_result()
    assert not Entry.objects.exists()


def test_an_async_step_fails_too():
    with fail_step("acharge", Declined("no")):
        handle = workflows.aremind.start(0)
        run_until_idle()

    with pytest.raises(Declined):
        handle.get_result()


def test_blocks_may_be_nested():
    with fail_step("charge", Declined("outer")), fail_step("enter", Declined("inner")):
        handle = workflows.remind.start(0)
        with virtual_time() as time:
            time.run_for(days=1)

    with pytest.raises(Declined, match="inner"):
        handle.get_result()
    assert calls == ["charge", "awake"]


def test_a_step_that_is_never_called_fails_the_test():
    workflows.double.start(1)

    with (
        pytest.raises(AssertionError, match=r"no step 'chrage'.*mean 'charge'"),
        fail_step("chrage", Declined),
    ):
        run_until_idle()


def test_the_error_of_the_block_itself_comes_out():
    with pytest.raises(ZeroDivisionError), fail_step("charge", Declined):
        raise ZeroDivisionError


@pytest.mark.parametrize("times", [0, -1])
def test_failing_no_times_is_refused(times):
    with (
        pytest.raises(ValueError, match="1 or more"),
        fail_step("x", Declined, times=times),
    ):
        pass


def test_what_is_no_step_is_refused():
    with pytest.raises(TypeError, match="neither a step"), fail_step(5, Declined):
        pass


def test_recorded_steps_are_compared_by_step_or_by_name():
    with virtual_time() as time:
        handle = workflows.remind.start(3)
        time.run_for(days=3)

    assert_steps(handle, ["charge", "sleep", workflows.enter])
    assert_steps(handle.workflow_id, [workflows.charge.name, "sleep", "enter"])


@pytest.mark.parametrize(
    "expected",
    [
        [],
        ["charge", "sleep"],
        ["charge", "sleep", "enter", "enter"],
        ["sleep", "charge", "enter"],
        ["arge", "sleep", "enter"],
    ],
)
def test_other_steps_than_expected_are_shown(expected):
    handle = workflows.remind.start(0)
    run_until_idle()

    with pytest.raises(AssertionError, match=r"recorded: \['charge', 'sleep', 'enter'"):
        assert_steps(handle, expected)


def test_branches_follow_the_main_line_in_their_order():
    handle = branching.start(12)
    run_until_idle()

    named = [f"step {number}" for number in range(12)]
    assert_steps(handle, ["last", *named])


@durable.workflow
async def branching(count):
    """Run more branches than have one digit, and a step of its own."""
    coroutines = [
        durable.arun_step(int, step_name=f"step {number}") for number in range(count)
    ]
    await asyncio.gather(*coroutines)
    await durable.arun_step(int, step_name="last")
