"""Resuming: going on from the last completed step."""

import datetime as dt

import pytest

import django_durable as durable
from django_durable import clock
from django_durable.exceptions import InvalidTransition, WorkflowNotFound
from django_durable.models import Workflow
from tests import workflows
from tests.running import (
    COLD,
    in_loop,
    result_of,
    row_of,
    wait_for_status,
    wait_until,
    worker,
)
from tests.storage import test_cancelling as cancelling
from tests.workflows import calls

pytestmark = pytest.mark.django_db(transaction=True)

Status = Workflow.Status
HOUR = dt.timedelta(hours=1)

state = {"is_broken": True}


@pytest.fixture(autouse=True)
def broken():
    state["is_broken"] = True


@durable.workflow
def before_and_after(seconds):
    first = workflows.add(1, 2)
    workflows.enter("between")
    durable.sleep(seconds)
    return workflows.add(first, 10)


@durable.workflow
def parent_of(seconds):
    handle = before_and_after.start(seconds)
    return [before_and_after(seconds), handle.get_result()]


def cancelled(definition, *args):
    """Start, let it reach its wait, and cancel it there."""
    handle = definition.using(workflow_id="top").start(*args)
    wait_for_status(handle, Status.WAITING)
    durable.cancel_workflow("top", reason="for now")
    return handle


def test_a_cancelled_workflow_goes_on_without_repeating_its_steps(settings):
    settings.DURABLE = COLD

    with worker():
        handle = cancelled(before_and_after, 0.3)
        row = row_of(handle)
        row.resume()
        assert row.status in (Status.ENQUEUED, Status.PENDING, Status.WAITING)
        assert row.cancel_reason == ""
        assert result_of(handle) == 13

    assert calls == [("add", 1, 2), ("enter", "between"), ("add", 3, 10)]
    assert row_of(handle).completed_at is not None


def test_children_cancelled_along_are_resumed_along(settings):
    settings.DURABLE = COLD

    with worker():
        handle = parent_of.using(workflow_id="top").start(0.5)
        wait_until(lambda: Workflow.objects.filter(status=Status.WAITING).count() == 3)
        durable.cancel_workflow("top")
        assert set(Workflow.objects.values_list("status", flat=True)) == {
            Status.CANCELLED
        }
        durable.resume_workflow("top")
        assert result_of(handle) == [13, 13]

    assert calls.count(("add", 1, 2)) == 2


def test_a_child_that_was_cancelled_by_itself_stays_cancelled(settings):
    settings.DURABLE = COLD

    with worker(queues=["default"]):
        cancelling.family.using(workflow_id="top").start(3600)
        wait_until(lambda: Workflow.objects.filter(status=Status.WAITING).count() == 4)
    durable.cancel_workflow("named", reason="only you")
    durable.cancel_workflow("top")
    durable.resume_workflow("top")

    statuses = dict(Workflow.objects.values_list("pk", "status"))
    assert statuses == {
        "top": Status.ENQUEUED,
        "top/2": Status.ENQUEUED,
        "named": Status.CANCELLED,
        "top/4": Status.ENQUEUED,
    }


def test_a_delayed_workflow_starts_at_once():
    handle = workflows.total.using(run_after=HOUR).start(1, 2)

    with worker():
        durable.resume_workflow(handle.workflow_id)
        assert result_of(handle) == 3


def test_a_delayed_workflow_is_not_started_before_its_time():
    delayed = workflows.total.using(run_after=HOUR).start(1, 2)
    soon = workflows.total.using(run_after=dt.timedelta(milliseconds=100)).start(3, 4)

    with worker():
        assert result_of(workflows.total.start(5)) == 5
        assert result_of(soon) == 7

    assert row_of(delayed).claim == 0
    assert row_of(soon).started_at >= row_of(soon).run_after


def test_a_dead_lettered_workflow_gets_another_chance():
    handle = workflows.total.start(1, 2)
    Workflow.objects.update(
        status=Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED,
        recovery_attempts=10,
        stalls=12,
        completed_at=clock.now(),
    )

    durable.resume_workflow(handle.workflow_id)

    row = row_of(handle)
    assert (row.status, row.recovery_attempts, row.stalls) == (Status.ENQUEUED, 0, 0)
    assert row.completed_at is None


def test_a_deadline_that_has_passed_is_cleared():
    handle = workflows.total.start(1)
    Workflow.objects.update(status=Status.CANCELLED, deadline=clock.now() - HOUR)

    durable.resume_workflow(handle.workflow_id)

    assert row_of(handle).deadline is None


@pytest.mark.parametrize(
    "status", [Status.PENDING, Status.SUCCESS, Status.ERROR, Status.ENQUEUED]
)
def test_resuming_is_refused_where_there_is_nothing_to_resume(status):
    handle = workflows.total.start(1)
    with worker(queues=["nobody"]) as running:  # It has the code: nothing strands.
        Workflow.objects.update(status=status, worker=running.worker_id)
        with pytest.raises(InvalidTransition) as caught:
            durable.resume_workflow(handle.workflow_id)
        after = handle.get_status()

    assert (caught.value.status, caught.value.action) == (status, "resume")
    assert after == status


def test_resuming_a_waiting_workflow_is_refused(settings):
    settings.DURABLE = COLD

    with worker():
        handle = before_and_after.start(3600)
        wait_for_status(handle, Status.WAITING)
        with pytest.raises(InvalidTransition):
            row_of(handle).resume()


def test_resuming_an_unknown_workflow_says_so():
    with pytest.raises(WorkflowNotFound):
        durable.resume_workflow("nobody")


def test_resuming_returns_a_handle():
    handle = workflows.total.start(1)
    durable.cancel_workflow(handle.workflow_id)

    assert in_loop(durable.aresume_workflow, handle.workflow_id) == handle

    assert handle.get_status() == Status.ENQUEUED


def test_one_that_started_late_is_resumed_from_where_it_was(settings):
    """Cancelled while delayed: it keeps no delay when it is resumed."""
    settings.DURABLE = COLD
    handle = workflows.total.using(run_after=HOUR).start(1)
    durable.cancel_workflow(handle.workflow_id)

    durable.resume_workflow(handle.workflow_id)

    assert row_of(handle).run_after <= clock.now()
