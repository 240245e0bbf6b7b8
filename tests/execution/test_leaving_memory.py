"""A workflow that waits leaves memory; its own code cannot prevent that."""

import asyncio

import pytest

import django_durable as durable
from django_durable.models import Step, Wait, Workflow
from tests import workflows
from tests.running import (
    COLD,
    result_of,
    row_of,
    steps_of,
    wait_for_status,
    wait_until,
    worker,
)
from tests.workflows import calls

pytestmark = pytest.mark.django_db(transaction=True)


@durable.workflow
def catch_errors():
    try:
        durable.sleep(0.1)
    except Exception as error:
        calls.append(error)
    return "slept"


@durable.workflow
async def acatch_errors():
    try:
        await durable.asleep(0.1)
    except Exception as error:
        calls.append(error)
    return "slept"


@durable.workflow
def catch_everything():
    try:
        durable.sleep(0.1)
    except BaseException as error:
        calls.append(type(error).__name__)
        workflows.add("must not", "run")
    return workflows.add(1, 2)


@durable.workflow
async def acatch_everything():
    try:
        await durable.asleep(0.1)
    except BaseException as error:
        calls.append(type(error).__name__)
        await workflows.aadd("must not", "run")
    return await workflows.aadd(1, 2)


@durable.workflow
def swallow():
    try:
        durable.sleep(3600)
    except BaseException:
        return "swallowed"


@durable.workflow
def clean_up(seconds):
    try:
        durable.sleep(seconds)
    finally:
        workflows.add("clean", "up")
    return "done"


@durable.workflow
async def aclean_up(seconds):
    try:
        await durable.asleep(seconds)
    finally:
        await workflows.aadd("clean", "up")
    return "done"


@durable.workflow
async def gathered_cleaning(seconds):
    async def branch():
        try:
            await durable.asleep(seconds)
        finally:
            await workflows.aadd("clean", "up")

    async def busy():
        await workflows.aadd(1, 2)
        await durable.asleep(seconds)

    await asyncio.gather(branch(), busy())
    return "done"


@durable.workflow
def return_nothing():
    workflows.add(1, 2)


@durable.workflow
async def areturn_nothing():
    await durable.asleep(0.1)


@durable.workflow
def stumble():
    try:
        durable.sleep(3600)
    finally:
        raise ValueError("no such file")


@pytest.fixture(autouse=True)
def cold(settings):
    settings.DURABLE = COLD


@pytest.mark.parametrize("definition", [catch_errors, acatch_errors])
def test_except_exception_does_not_catch_a_suspension(definition):
    with worker():
        handle = definition.start()
        assert result_of(handle) == "slept"

    assert calls == []
    assert row_of(handle).claim == 2


@pytest.mark.parametrize("definition", [catch_everything, acatch_everything])
def test_what_is_caught_is_raised_again_by_the_next_durable_call(definition):
    with worker():
        handle = definition.start()
        assert result_of(handle) == 3

    assert ("add", "must not", "run") not in calls
    assert ("aadd", "must not", "run") not in calls
    assert [number for _, number, _ in steps_of(handle)] == [1, 2]


def test_a_swallowed_suspension_still_suspends():
    with worker():
        handle = swallow.start()
        row = wait_for_status(handle, Workflow.Status.WAITING, Workflow.Status.SUCCESS)

    assert row.status == Workflow.Status.WAITING
    assert row.output is None


@pytest.mark.parametrize("definition", [clean_up, aclean_up, gathered_cleaning])
def test_a_finally_clause_records_nothing_while_the_workflow_leaves(definition):
    with worker():
        handle = definition.start(3600)
        wait_for_status(handle, Workflow.Status.WAITING)

    assert ("add", "clean", "up") not in calls
    assert ("aadd", "clean", "up") not in calls
    recorded = Step.objects.filter(workflow_id=handle.workflow_id)
    assert {row.output for row in recorded} <= {"json:3"}


@pytest.mark.parametrize("definition", [clean_up, aclean_up, gathered_cleaning])
def test_a_finally_clause_runs_once_when_the_wait_is_over(definition):
    with worker():
        assert result_of(definition.start(0.02)) == "done"

    cleanings = [call for call in calls if call[1:] == ("clean", "up")]
    assert len(cleanings) == 1


@pytest.mark.once
def test_what_a_finally_clause_raises_is_told_and_ends_nothing(caplog):
    with worker():
        handle = stumble.start()
        wait_for_status(handle, Workflow.Status.WAITING)

    told = [each.message for each in caplog.records if "leaving memory" in each.message]
    assert len(told) == 1
    assert "no such file" in told[0]


@pytest.mark.parametrize("definition", [return_nothing, areturn_nothing])
def test_a_workflow_that_returns_none_completes(definition):
    with worker():
        handle = definition.start()
        assert result_of(handle) is None

    assert row_of(handle).status == Workflow.Status.SUCCESS


def test_a_waiting_workflow_holds_no_slot():
    with worker(concurrency=1):
        sleeping = [swallow.start() for _ in range(3)]
        for handle in sleeping:
            wait_for_status(handle, Workflow.Status.WAITING)

        assert result_of(workflows.total.start(1, 2)) == 3


def test_a_workflow_that_stays_hot_is_not_executed_anew(settings):
    settings.DURABLE = {"HOT_WAIT": 10, "ASYNC_HOT_WAIT": 10}

    with worker():
        handles = [catch_errors.start(), acatch_errors.start()]
        assert [result_of(handle) for handle in handles] == ["slept", "slept"]

    assert [row_of(handle).claim for handle in handles] == [1, 1]


@pytest.mark.parametrize("definition", [clean_up, aclean_up])
def test_a_hot_wait_has_its_deadline_in_the_database(settings, definition):
    settings.DURABLE = {"HOT_WAIT": 30, "ASYNC_HOT_WAIT": 30}

    with worker():
        handle = definition.start(20)
        kept = wait_until(Wait.objects.first, "a stored deadline")
        row = row_of(handle)
        durable.cancel_workflow(handle.workflow_id)

    assert (row.status, row.claim) == (Workflow.Status.PENDING, 1)
    assert (kept.workflow_id, kept.target) == (handle.workflow_id, "timer")
    assert kept.wake_at > row.started_at


def test_a_sleep_is_not_postponed_by_a_new_worker():
    with worker():
        handle = swallow.start()
        before = wait_for_status(handle, Workflow.Status.WAITING).wake_at

    with worker():
        durable.cancel_workflow(handle.workflow_id)
        durable.resume_workflow(handle.workflow_id)
        row = wait_for_status(handle, Workflow.Status.WAITING)

    assert row.claim == 2
    assert row.wake_at == before
