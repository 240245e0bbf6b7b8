"""Calling a workflow outside of workflows runs it durably in this thread."""

import threading

import pytest
from django.db import connection, transaction

import django_durable as durable
from django_durable.exceptions import NonDeterministicWorkflow, WaitImpossible
from django_durable.models import Step, Worker, Workflow
from tests import workflows
from tests.models import Entry
from tests.running import in_loop
from tests.workflows import calls

pytestmark = pytest.mark.django_db(transaction=True)

Status = Workflow.Status


class Declined(Exception):
    pass


@durable.workflow
def decline():
    workflows.enter("before")
    raise Declined("no money")


@durable.workflow
def nap(seconds):
    workflows.enter("before")
    durable.sleep(seconds)
    workflows.enter("after")
    return "awake"


@durable.workflow
async def anap(seconds):
    await workflows.enter.acall("before")
    await durable.asleep(seconds)
    await workflows.enter.acall("after")
    return "awake"


@durable.workflow
def who_runs():
    return [threading.current_thread().name, durable.workflow_id()]


@durable.workflow
def grandparent(key):
    return [workflows.book(key), workflows.book(key + "2")]


@durable.workflow
def step_inside_atomic():
    with transaction.atomic():  # durable: ignore
        Entry.objects.create(key="mine")  # durable: ignore
        return workflows.add(1, 2)


@durable.workflow
def transaction_inside_atomic():
    with transaction.atomic():  # durable: ignore
        return workflows.enter("inner")


def test_a_direct_call_returns_the_result_and_stores_it():
    with durable.SetWorkflowID("order-1"):
        assert workflows.total(1, 2) == 3

    row = Workflow.objects.get(pk="order-1")
    assert row.status == Status.SUCCESS
    assert row.completed_at >= row.started_at >= row.created_at
    assert Step.objects.filter(workflow_id="order-1").count() == 2


def test_a_direct_call_runs_in_the_callers_thread():
    name, workflow_id = who_runs()

    assert name == threading.current_thread().name
    assert Workflow.objects.get().pk == workflow_id
    assert durable.workflow_id() is None


def test_a_direct_call_raises_the_workflows_exception_as_itself():
    with pytest.raises(Declined, match="no money"):
        decline()

    assert Workflow.objects.get().status == Status.ERROR
    assert Entry.objects.count() == 1


def test_a_direct_call_holds_a_lease_so_that_a_crash_is_recovered():
    seen = []

    @durable.workflow
    def look():
        row = Workflow.objects.get()
        seen.append((row.status, Worker.objects.live().get(pk=row.worker_id).kind))

    look()

    assert seen == [(Status.PENDING, Worker.Kind.DIRECT)]


def test_a_direct_call_inside_atomic_is_part_of_the_transaction():
    with transaction.atomic():
        workflows.book("a")
        assert Entry.objects.count() == 1
        transaction.set_rollback(True)

    assert not Workflow.objects.exists()
    assert not Step.objects.exists()
    assert not Entry.objects.exists()


def test_a_direct_call_inside_atomic_has_no_lease():
    with transaction.atomic():
        assert workflows.total(1, 2) == 3

    assert not Worker.objects.exists()
    assert Workflow.objects.get().status == Status.SUCCESS


@pytest.mark.parametrize("definition", [nap, anap])
def test_a_direct_call_waits_in_its_thread(definition):
    assert in_loop(definition.acall, 0.02) == "awake"

    assert [call[1] for call in calls] == ["before", "after"]
    assert Workflow.objects.get().claim == 1


@pytest.mark.parametrize("definition", [nap, anap])
def test_a_wait_inside_atomic_is_impossible(definition):
    with transaction.atomic():
        if definition.is_async:
            with pytest.raises(WaitImpossible, match="atomic"):
                in_loop(definition, 3600)
        else:
            with pytest.raises(WaitImpossible, match="atomic"):
                definition(3600)


def test_a_wait_inside_atomic_that_is_over_already_is_none():
    with transaction.atomic():
        assert nap(0) == "awake"


def test_an_id_that_exists_gives_the_first_result():
    with durable.SetWorkflowID("order-1"):
        assert workflows.total(1, 2) == 3

    with durable.SetWorkflowID("order-1"):
        assert workflows.total(1, 2) == 3
    with durable.SetWorkflowID("order-1"):
        assert in_loop(workflows.total.acall, 1, 2) == 3

    assert len(calls) == 2


def test_an_id_that_exists_gives_the_first_error():
    for _ in range(2):
        with durable.SetWorkflowID("order-1"), pytest.raises(Declined):
            decline()

    assert Entry.objects.count() == 1


def test_an_async_workflow_is_awaited():
    assert in_loop(workflows.atotal, 1, 2) == 3

    assert Workflow.objects.get().status == Status.SUCCESS


def test_an_async_direct_call_inside_atomic_is_part_of_the_transaction():
    with transaction.atomic():
        assert in_loop(workflows.atotal, 1, 2) == 3
        transaction.set_rollback(True)

    assert not Workflow.objects.exists()


def test_children_run_inline_and_are_named_by_their_place():
    with durable.SetWorkflowID("top"):
        assert grandparent("a") == [7, 7]

    ids = list(Workflow.objects.order_by("pk").values_list("pk", flat=True))
    assert ids == ["top", "top/1", "top/1/3", "top/2", "top/2/3"]
    assert set(Workflow.objects.values_list("status", flat=True)) == {Status.SUCCESS}
    assert Workflow.objects.get(pk="top/1/3").parent_id == "top/1"


def test_a_child_inside_a_step_is_a_workflow_of_its_own():
    @durable.workflow
    def around():
        return durable.run_step(lambda: workflows.total(1, 2), step_name="inner")

    with durable.SetWorkflowID("top"):
        assert around() == 3

    ids = list(Workflow.objects.order_by("pk").values_list("pk", flat=True))
    assert ids == ["top", "top/1.1"]


def test_a_step_inside_an_atomic_block_of_the_workflow_is_refused():
    for definition in (step_inside_atomic, transaction_inside_atomic):
        with pytest.raises(Exception, match=r"atomic\(\)"):
            definition()

    assert not Entry.objects.exists()
    assert not Step.objects.exists()
    assert not connection.in_atomic_block


def test_a_wrong_replay_does_not_happen_in_a_direct_call():
    """A second call with one id gives the result; it does not replay."""
    with durable.SetWorkflowID("order-1"):
        workflows.book("a")
    Step.objects.update(name="another")

    try:
        with durable.SetWorkflowID("order-1"):
            assert workflows.book("a") == 7
    except NonDeterministicWorkflow:
        pytest.fail("it was replayed")
