"""What a handle tells: status, result, or why there is none."""

import asyncio
import sys
import threading

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

import django_durable as durable
from django_durable.exceptions import (
    WaitTimeout,
    WorkflowCancelled,
    WorkflowDeadLettered,
    WorkflowFailed,
    WorkflowNotFound,
)
from django_durable.models import Workflow
from tests import workflows
from tests.running import (
    PATIENCE,
    in_loop,
    result_of,
    wait_for_status,
    worker,
)

pytestmark = pytest.mark.django_db(transaction=True)

Status = Workflow.Status


class OutOfStock(Exception):
    """An exception of the application, with an attribute of its own."""

    def __init__(self, sku):
        super().__init__(sku)
        self.sku = sku


@durable.workflow
def sell(sku):
    raise OutOfStock(sku)


@durable.workflow
def fail_strangely():
    class Local(Exception):
        pass

    raise Local("known to nobody")


@durable.workflow
def return_something_odd():
    return {"file": sys.stdout}


@durable.workflow
def ask(workflow_id):
    return durable.retrieve_workflow(workflow_id).get_result()


def test_a_handle_has_id_status_and_result():
    with worker():
        handle = workflows.total.start(1, 2)
        assert result_of(handle) == 3

    assert handle.workflow_id == handle.get_workflow_id()
    assert handle.get_status() == "SUCCESS"
    assert handle.get_result() == 3


def test_async_twins_of_a_handle_do_not_block_the_loop():
    async def main():
        handle = await workflows.total.astart(1, 2)
        assert await handle.aget_status() == Status.ENQUEUED
        turned = asyncio.Event()

        async def turn():
            for _ in range(50):
                await asyncio.sleep(0)
            turned.set()

        waiting = asyncio.create_task(handle.aget_result(timeout=PATIENCE))
        await asyncio.wait_for(asyncio.create_task(turn()), PATIENCE)
        assert not waiting.done()  # No worker yet, and the loop has turned.
        started = worker()
        await sync_to_async(started.start)()
        try:
            return await waiting, await handle.aget_status()
        finally:
            await sync_to_async(started.stop)()

    assert in_loop(main) == (3, Status.SUCCESS)


def test_the_workflows_own_exception_is_raised():
    with worker():
        handle = sell.start("tea")
        with pytest.raises(OutOfStock) as caught:
            result_of(handle)

    assert caught.value.sku == "tea"
    assert handle.get_status() == Status.ERROR
    with pytest.raises(OutOfStock):
        in_loop(handle.aget_result)


def test_an_exception_of_an_unknown_class_is_workflow_failed():
    with worker():
        handle = fail_strangely.start()
        with pytest.raises(WorkflowFailed) as caught:
            result_of(handle)

    assert caught.value.workflow_id == handle.workflow_id
    assert caught.value.error_type.endswith("Local")
    assert caught.value.error_message == "known to nobody"
    assert "raise Local" in caught.value.traceback_text


def test_a_result_that_cannot_be_stored_is_the_workflows_error_with_the_path():
    with worker(), pytest.raises(durable.SerializationError, match=r'\["file"\]'):
        result_of(return_something_odd.start())


def test_a_cancelled_workflow_has_no_result():
    handle = workflows.total.start(1)
    durable.cancel_workflow(handle.workflow_id, reason="changed my mind")

    with pytest.raises(WorkflowCancelled) as caught:
        handle.get_result()

    assert caught.value.reason == "changed my mind"
    assert caught.value.workflow_id == handle.workflow_id


def test_a_dead_lettered_workflow_has_no_result():
    handle = workflows.total.start(1)
    Workflow.objects.update(
        status=Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED, recovery_attempts=10
    )

    with pytest.raises(WorkflowDeadLettered) as caught:
        handle.get_result()

    assert caught.value.attempts == 10


def test_a_paused_workflow_keeps_its_callers_waiting():
    handle = workflows.total.start(1)
    Workflow.objects.update(status=Status.PAUSED)

    with pytest.raises(WaitTimeout):
        handle.get_result(timeout=0.05)

    with worker():
        assert result_of(handle) == 1


def test_a_wait_that_takes_too_long_is_a_timeout_error():
    handle = workflows.total.start(1)

    with pytest.raises(WaitTimeout) as caught:
        handle.get_result(timeout=0.02)
    with pytest.raises(TimeoutError):
        in_loop(handle.aget_result, timeout=0.02)

    assert caught.value.seconds == 0.02
    assert handle.workflow_id in caught.value.what


@pytest.mark.parametrize("unknown", ["order-1", "", "a/b", 5])
def test_a_workflow_that_does_not_exist_is_not_found(unknown):
    with pytest.raises(WorkflowNotFound) as caught:
        durable.retrieve_workflow(unknown)
    with pytest.raises(WorkflowNotFound):
        in_loop(durable.aretrieve_workflow, unknown)

    assert caught.value.workflow_id == unknown


@pytest.mark.parametrize("unknown", ["a\0b", "\ud800"])
def test_an_id_that_no_database_can_hold_is_not_found_either(unknown):
    with pytest.raises(WorkflowNotFound):
        durable.retrieve_workflow(unknown)
    with pytest.raises(WorkflowNotFound):
        durable.cancel_workflow(unknown)
    with pytest.raises(WorkflowNotFound):
        durable.resume_workflow(unknown)


def test_a_handle_of_a_deleted_workflow_says_not_found():
    handle = workflows.total.start(1)
    durable.cancel_workflow(handle.workflow_id)
    durable.delete_workflow(handle.workflow_id)

    for ask_it in (handle.get_status, handle.get_result):
        with pytest.raises(WorkflowNotFound):
            ask_it()


def test_a_retrieved_handle_does_not_know_who_created_the_workflow():
    handle = workflows.total.start(1)

    found = durable.retrieve_workflow(handle.workflow_id)

    assert found == handle
    assert found.created is None


def test_many_threads_wait_for_one_result():
    handle, found = workflows.total.start(1, 2), []

    def wait():
        try:
            found.append(result_of(handle))
        finally:
            connection.close()

    threads = [threading.Thread(target=wait) for _ in range(5)]
    for thread in threads:
        thread.start()
    with worker():
        for thread in threads:
            thread.join(PATIENCE)

    assert found == [3] * 5


@pytest.mark.parametrize("definition", [workflows.total, sell])
def test_a_workflow_waits_for_the_result_of_any_other(definition):
    with worker():
        other = definition.using(workflow_id="other").start("a")
        wait_for_status(other, Status.SUCCESS, Status.ERROR)
        handle = ask.start("other")
        expected = OutOfStock if definition is sell else TypeError
        with pytest.raises(expected):
            result_of(handle)
