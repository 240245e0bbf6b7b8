"""Cancelling: what it takes along, and what it refuses."""

import threading

import pytest
from django.db import transaction

import django_durable as durable
from django_durable.exceptions import WorkflowCancelled, WorkflowNotFound
from django_durable.models import Workflow
from tests import workflows
from tests.running import (
    COLD,
    PATIENCE,
    in_loop,
    result_of,
    row_of,
    wait_for_status,
    wait_until,
    worker,
)
from tests.workflows import calls

pytestmark = pytest.mark.django_db(transaction=True)

Status = Workflow.Status
ENDED = (Status.SUCCESS, Status.ERROR, Status.CANCELLED)

gate = {"reached": threading.Event(), "open": threading.Event()}


@pytest.fixture(autouse=True)
def closed_gate():
    for event in gate.values():
        event.clear()
    yield
    gate["open"].set()


@durable.step
def pass_gate():
    gate["reached"].set()
    assert gate["open"].wait(PATIENCE)
    return "passed"


@durable.workflow
def work():
    pass_gate()
    return workflows.add(1, 2)


@durable.workflow
def sleepy(seconds):
    durable.sleep(seconds)
    return workflows.add(1, 2)


@durable.workflow
async def asleepy(seconds):
    await durable.asleep(seconds)
    return await workflows.aadd(1, 2)


@durable.workflow
def family(seconds):
    workflows.add("family", "")
    started = sleepy.start(seconds)
    also = asleepy.using(workflow_id="named").start(seconds)
    called = sleepy(seconds)
    return [called, started.get_result(), also.get_result()]


def cancel(workflow_id, **options):
    return durable.cancel_workflow(workflow_id, **options)


def test_a_queued_workflow_is_cancelled_at_once():
    handle = workflows.total.start(1)

    assert cancel(handle.workflow_id, reason="too late") is True

    row = row_of(handle)
    assert (row.status, row.cancel_reason) == (Status.CANCELLED, "too late")
    assert row.completed_at is not None
    with worker():
        assert result_of(workflows.total.start(5)) == 5
    assert row_of(handle).status == Status.CANCELLED


@pytest.mark.parametrize("hot_wait", [0, 30], ids=["cold", "hot"])
@pytest.mark.parametrize("definition", [sleepy, asleepy])
def test_a_wait_is_ended_at_once(settings, definition, hot_wait):
    settings.DURABLE = {"HOT_WAIT": hot_wait, "ASYNC_HOT_WAIT": hot_wait}

    with worker() as running:
        # A wait that is longer than the hot time suspends at once.
        handle = definition.start(hot_wait - 1 if hot_wait else 3600)
        wanted = Status.PENDING if hot_wait else Status.WAITING
        wait_for_status(handle, wanted)
        assert cancel(handle.workflow_id)

        with pytest.raises(WorkflowCancelled):
            result_of(handle)
        wait_until(lambda: running.is_idle, "an idle worker")

    assert calls == []


def test_a_running_workflow_stops_before_its_next_step():
    with worker() as running:
        handle = work.start()
        assert gate["reached"].wait(PATIENCE)
        assert cancel(handle.workflow_id)
        gate["open"].set()
        wait_until(lambda: running.is_idle, "an idle worker")

    assert row_of(handle).status == Status.CANCELLED
    assert calls == []


def test_a_workflow_takes_its_children_along(settings):
    settings.DURABLE = COLD

    with worker():
        handle = family.using(workflow_id="top").start(3600)
        wait_until(lambda: Workflow.objects.filter(status=Status.WAITING).count() == 4)
        assert cancel("top", reason="enough")

    rows = {row.pk: row for row in Workflow.objects.all()}
    assert {row.status for row in rows.values()} == {Status.CANCELLED}
    assert set(rows) == {"top", "top/2", "named", "top/4"}
    assert rows["top"].cancel_reason == "enough"
    for pk in ("top/2", "named", "top/4"):
        assert "top" in rows[pk].cancel_reason
        assert rows[pk].cancelled_with == "top"
    assert handle.get_status() == Status.CANCELLED


def test_cancelling_a_child_leaves_its_parent_with_an_exception(settings):
    settings.DURABLE = COLD

    with worker():
        handle = family.using(workflow_id="top").start(3600)
        wait_until(lambda: Workflow.objects.filter(status=Status.WAITING).count() == 4)
        cancel("top/4", reason="only you")

        with pytest.raises(WorkflowCancelled) as caught:
            result_of(handle)

    assert caught.value.workflow_id == "top/4"
    assert row_of(handle).status == Status.ERROR


def test_cancelling_a_finished_workflow_changes_nothing():
    with worker():
        handle = workflows.total.start(1)
        result_of(handle)
    before = row_of(handle)

    assert cancel(handle.workflow_id, reason="too late") is False
    assert before.cancel() is False

    after = row_of(handle)
    assert (after.status, after.cancel_reason) == (Status.SUCCESS, "")


def test_cancelling_twice_takes_once_and_keeps_the_first_reason():
    handle = workflows.total.start(1)

    took = [cancel(handle.workflow_id, reason=reason) for reason in ("first", "second")]

    assert took == [True, False]
    assert row_of(handle).cancel_reason == "first"


def test_cancelling_an_unknown_workflow_says_so():
    with pytest.raises(WorkflowNotFound):
        cancel("nobody")
    with pytest.raises(WorkflowNotFound):
        in_loop(durable.acancel_workflow, "nobody")


def test_a_paused_workflow_can_be_cancelled():
    handle = workflows.total.start(1)
    Workflow.objects.update(status=Status.PAUSED)

    assert cancel(handle.workflow_id)


def test_the_model_cancels_as_the_function_does():
    row = row_of(workflows.total.start(1))

    assert row.cancel(reason="by hand") is True

    assert (row.status, row.cancel_reason) == (Status.CANCELLED, "by hand")


def test_a_cancellation_is_part_of_the_callers_transaction():
    handle = workflows.total.start(1)

    with transaction.atomic():
        cancel(handle.workflow_id)
        transaction.set_rollback(True)

    assert row_of(handle).status == Status.ENQUEUED


def test_cancelling_from_async_code():
    handle = workflows.total.start(1)

    assert in_loop(durable.acancel_workflow, handle.workflow_id, reason="async")

    assert row_of(handle).cancel_reason == "async"
