"""Workflows that workflows call and start."""

import asyncio

import pytest

import django_durable as durable
from django_durable.exceptions import WaitTimeout, WorkflowCancelled, WorkflowNotFound
from django_durable.models import Step, Workflow
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

Status = Workflow.Status


@durable.workflow
def sleepy(seconds, result):
    durable.sleep(seconds)
    return result


@durable.workflow
def call_and_start(number):
    called = workflows.total(number, 1)
    started = workflows.total.start(number, 2)
    also = durable.start_workflow(workflows.atotal.name, number, 3)
    durable.sleep(0.1)
    return [called, started.get_result(), also.get_result(), started.workflow_id]


@durable.workflow
async def acall_and_start(number):
    called = await workflows.total(number, 1)
    started = await workflows.total.astart(number, 2)
    also = await durable.astart_workflow(workflows.atotal.name, number, 3)
    await durable.asleep(0.1)
    results = await asyncio.gather(started.aget_result(), also.aget_result())
    return [called, *results, started.workflow_id]


@durable.workflow
def call_sleepy(seconds):
    return [sleepy(seconds, "slept"), workflows.add(1, 2)]


@durable.step
def start_two(number):
    calls.append("start_two")
    first = workflows.total.start(number)
    second = workflows.total.start(number + 1)
    return [first.workflow_id, second.workflow_id]


@durable.workflow
def start_in_a_step(number):
    return start_two(number)


@durable.workflow
def start_twice(workflow_id):
    twice = [workflows.total.using(workflow_id=workflow_id).start(1) for _ in "ab"]
    durable.sleep(0.1)
    return [handle.created for handle in twice]


@durable.workflow
def wait_for(workflow_id, timeout):
    try:
        return durable.WorkflowHandle(workflow_id).get_result(timeout=timeout)
    except (WaitTimeout, WorkflowCancelled, WorkflowNotFound) as error:
        durable.sleep(0.1)
        return type(error).__name__


@durable.workflow
def call_failing(message):
    try:
        fail_in_child(message)
    except ValueError as error:
        durable.sleep(0.1)
        return str(error)


@durable.workflow
def fail_in_child(message):
    workflows.fail(message)


@pytest.mark.parametrize("definition", [call_and_start, acall_and_start])
@pytest.mark.parametrize("hot_wait", [0, 10], ids=["cold", "hot"])
def test_children_are_called_and_started_once(settings, definition, hot_wait):
    settings.DURABLE = {"HOT_WAIT": hot_wait, "ASYNC_HOT_WAIT": hot_wait}

    with worker():
        handle = definition.using(workflow_id="top").start(10)
        assert result_of(handle) == [11, 12, 13, "top/2"]

    children = Workflow.objects.filter(parent="top").order_by("pk")
    assert [child.pk for child in children] == ["top/1", "top/2", "top/3"]
    assert len(calls) == 6


def test_a_parent_is_out_of_memory_while_its_child_waits(settings):
    settings.DURABLE = COLD

    with worker():
        handle = call_sleepy.start(3600)
        wait_for_status(handle, Status.WAITING)
        child = durable.WorkflowHandle(f"{handle.workflow_id}/1")
        wait_for_status(child, Status.WAITING)

    assert row_of(child).parent_id == handle.workflow_id


def test_a_parent_goes_on_when_its_child_has_ended(settings):
    settings.DURABLE = COLD

    with worker():
        handle = call_sleepy.start(0.05)
        assert result_of(handle) == ["slept", 3]

    assert [name for _, _, name in steps_of(handle)] == ["sleepy", "add"]


def test_a_childs_exception_is_caught_as_itself(settings):
    settings.DURABLE = COLD

    with worker():
        assert result_of(call_failing.start("no")) == "no"

    assert calls == [("fail", "no")]


def test_starts_inside_a_step_are_numbered_within_it():
    with worker():
        handle = start_in_a_step.using(workflow_id="top").start(1)
        assert result_of(handle) == ["top/1.1", "top/1.2"]
        wait_until(lambda: Workflow.objects.filter(status=Status.SUCCESS).count() == 3)

    children = Workflow.objects.filter(parent="top")
    assert children.count() == 2
    assert Step.objects.filter(workflow_id="top").count() == 1


def test_whether_a_start_was_the_first_is_recorded(settings):
    settings.DURABLE = COLD

    with worker():
        assert result_of(start_twice.start("other")) == [True, False]


def test_a_wait_for_a_result_times_out_once_and_for_all(settings):
    settings.DURABLE = COLD
    other = workflows.total.using(queue_name="nobody", workflow_id="other").start(1)

    with worker(queues=["default"]):
        assert result_of(wait_for.start("other", 0.02)) == "WaitTimeout"

    assert other.get_status() == Status.ENQUEUED


def test_a_wait_for_a_result_ends_when_the_other_is_cancelled(settings):
    settings.DURABLE = COLD
    workflows.total.using(queue_name="nobody", workflow_id="other").start(1)

    with worker(queues=["default"]):
        handle = wait_for.start("other", None)
        wait_for_status(handle, Status.WAITING)
        durable.cancel_workflow("other")

        assert result_of(handle) == "WorkflowCancelled"


def test_a_wait_for_a_workflow_that_does_not_exist_is_an_error(settings):
    settings.DURABLE = COLD

    with worker():
        assert result_of(wait_for.start("nobody", None)) == "WorkflowNotFound"


def test_a_child_gets_options_of_its_own():
    @durable.workflow
    def parent():
        workflows.total.using(priority=7, queue_name="slow").start(1)

    with durable.SetWorkflowID("top"):
        parent()

    child = Workflow.objects.get(parent="top")
    assert (child.priority, child.queue_name, child.pk) == (7, "slow", "top/1")
