"""What the page of decisions says is what happens."""

import asyncio
import threading

import pytest
from django.db import transaction
from django.test import override_settings

import django_durable as durable
from django_durable.definitions import registry
from django_durable.models import Worker, Workflow
from tests.models import Entry
from tests.running import COLD, result_of, row_of, steps_of, wait_for_status, worker


@pytest.fixture(autouse=True)
def fresh_registry(monkeypatch):
    """Forget what a test has defined."""
    monkeypatch.setattr(registry, "_definitions", dict(registry._definitions))


@durable.step
def double(number):
    return number * 2


@pytest.mark.django_db
def test_set_workflow_id_serves_the_first_start_only():
    @durable.workflow
    def twice(number):
        return double(number)

    with durable.SetWorkflowID("first"):
        first, second = twice.start(1), twice.start(2)

    assert first.workflow_id == "first"
    assert second.workflow_id != "first"
    assert second.created is True


@pytest.mark.django_db(transaction=True)
def test_ctrl_c_in_a_direct_call_leaves_the_workflow_to_the_workers():
    interrupted = []

    @durable.workflow
    def patient(number):
        doubled = double(number)
        if not interrupted:
            interrupted.append(True)
            raise KeyboardInterrupt
        return doubled

    with pytest.raises(KeyboardInterrupt), durable.SetWorkflowID("patient"):
        patient(4)

    handle = durable.retrieve_workflow("patient")
    assert handle.get_status() == "ENQUEUED"
    with worker():
        assert result_of(handle) == 8
    assert row_of(handle).recovery_attempts == 0


@pytest.mark.django_db(transaction=True)
def test_a_direct_call_holds_a_lease_of_its_process():
    @durable.workflow
    def plain():
        return double(1)

    plain()

    assert Worker.objects.get().kind == Worker.Kind.DIRECT


@pytest.mark.django_db
def test_a_direct_call_in_a_transaction_goes_back_with_it():
    @durable.workflow
    def plain():
        return double(1)

    with transaction.atomic():
        plain()
        transaction.set_rollback(True)

    assert not Workflow.objects.exists()


@pytest.mark.django_db
def test_a_sleep_in_a_transaction_is_refused():
    @durable.workflow
    def sleepy():
        durable.sleep(60)

    with pytest.raises(durable.WaitImpossible):
        sleepy()


@pytest.mark.django_db
def test_a_result_that_cannot_be_stored_ends_in_error_behind_its_steps():
    @durable.workflow
    def odd():
        double(1)
        return object()

    with pytest.raises(durable.SerializationError), durable.SetWorkflowID("odd"):
        odd()

    handle = durable.retrieve_workflow("odd")
    assert handle.get_status() == "ERROR"
    assert steps_of(handle) == [("", 1, "double")]


@pytest.mark.django_db
def test_gather_runs_all_and_raises_the_first_error_of_the_arguments():
    ran = []

    @durable.step
    def fail(number):
        ran.append(number)
        raise ValueError(number)

    @durable.workflow
    def failing():
        durable.gather(fail.bind(1), double.bind(2), fail.bind(3))

    with pytest.raises(ValueError, match="1"), durable.SetWorkflowID("failing"):
        failing()

    assert ran == [1, 3]
    steps = steps_of(durable.retrieve_workflow("failing"))
    assert [place for *place, _ in steps] == [["1", 1], ["2", 1], ["3", 1]]


@pytest.mark.django_db(transaction=True)
def test_a_branch_has_idempotency_keys_of_its_own():
    @durable.step
    async def key():
        return durable.current().idempotency_key

    @durable.workflow
    async def keys():
        return [await key(), *await asyncio.gather(key(), key())]

    with worker():
        handle = keys.using(workflow_id="k").start()

        assert result_of(handle) == ["k/1", "k/1:1", "k/2:1"]


@pytest.mark.django_db(transaction=True)
@override_settings(DURABLE=COLD)
def test_a_branch_that_awaits_something_else_does_not_hold_up_a_suspension():
    @durable.workflow
    async def mixed():
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(3600))
            group.create_task(durable.asleep(3600))

    with worker():
        handle = mixed.start()

        row = wait_for_status(handle, "WAITING")

    assert row.wake_at is not None


@pytest.mark.django_db(transaction=True)
def test_tasks_that_a_workflow_leaves_behind_are_cancelled():
    cancelled = threading.Event()

    async def linger():
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    @durable.workflow
    async def careless():
        task = asyncio.create_task(linger())
        await asyncio.sleep(0)
        return task.done()

    with worker():
        assert result_of(careless.start()) is False

    assert cancelled.is_set()


@pytest.mark.django_db(transaction=True)
@override_settings(DURABLE=COLD)
def test_resume_brings_back_the_children_that_went_along():
    release = threading.Event()

    @durable.workflow
    def child(number):
        durable.sleep(0 if release.is_set() else 3600)
        return number

    @durable.workflow
    def parent():
        handles = [child.start(number) for number in (1, 2)]
        return [handle.get_result() for handle in handles]

    handle = parent.using(workflow_id="p").start()
    with worker():
        wait_for_status(handle, "WAITING")
    Workflow.objects.get(pk="p/1").cancel("by itself")

    Workflow.objects.get(pk="p").cancel()
    Workflow.objects.get(pk="p").resume()

    status = dict(Workflow.objects.values_list("pk", "status"))
    assert status == {"p": "ENQUEUED", "p/1": "CANCELLED", "p/2": "ENQUEUED"}


@pytest.mark.django_db(transaction=True)
def test_a_step_that_outlasts_a_cancellation_keeps_its_outcome():
    began, go_on = threading.Event(), threading.Event()

    @durable.step
    def slow():
        began.set()
        assert go_on.wait(20)
        return "done"

    @durable.transaction
    def note():
        Entry.objects.create(key="after the cancellation")

    @durable.workflow
    def long():
        slow()
        note()

    with worker():
        handle = long.start()
        assert began.wait(20)
        durable.cancel_workflow(handle.workflow_id)
        go_on.set()

    assert row_of(handle).status == "CANCELLED"
    assert steps_of(handle) == [("", 1, "slow")]
    assert not Entry.objects.exists()


@pytest.mark.django_db(transaction=True)
@override_settings(DURABLE=COLD)
def test_the_code_is_unwound_before_others_see_the_workflow_wait():
    seen = []

    @durable.workflow
    def tidy():
        try:
            durable.sleep(3600)
        finally:
            seen.append(Workflow.objects.get(pk="tidy").status)

    with worker():
        handle = tidy.using(workflow_id="tidy").start()
        wait_for_status(handle, "WAITING")

    assert seen == ["PENDING"]
