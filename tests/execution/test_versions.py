"""Old rows meet new code: pinned, paused or taken over, never mixed up."""

import pytest

import django_durable as durable
from django_durable.definitions import registry
from django_durable.models import Step, Worker, Workflow
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
NAME = "versions.deployed"


def first_add():
    durable.run_step(calls.append, "reserve", step_name="reserve")
    durable.sleep(0.2)
    durable.run_step(calls.append, "charge", step_name="charge")
    return "old"


def first_charge():
    durable.run_step(calls.append, "charge", step_name="charge")
    durable.sleep(0.2)
    durable.run_step(calls.append, "reserve", step_name="reserve")
    return "new"


def another_tail():
    durable.run_step(calls.append, "reserve", step_name="reserve")
    durable.sleep(0.2)
    durable.run_step(calls.append, "refund", step_name="refund")
    return "newer"


def no_sleep():
    durable.run_step(calls.append, "reserve", step_name="reserve")
    durable.run_step(calls.append, "charge", step_name="charge")


@pytest.fixture
def deploy(settings, monkeypatch):
    """Replace the code of one name, as a deploy does between two processes."""
    settings.DURABLE = COLD

    def deploy(function, **options):
        monkeypatch.setattr(registry, "_definitions", dict(registry._definitions))
        registry._definitions.pop(NAME, None)
        return durable.workflow(NAME, **options)(function)

    return deploy


def started_and_asleep(definition):
    """Start under the present code, and let its worker end while it sleeps."""
    with worker():
        handle = definition.start()
        wait_for_status(handle, Status.WAITING)
    return handle


def test_a_changed_order_of_steps_pauses_with_a_message_naming_both(deploy):
    handle = started_and_asleep(deploy(first_add, version="1"))
    deploy(first_charge, version="1")

    with worker():
        row = wait_for_status(handle, Status.PAUSED)

    assert "NonDeterministicWorkflow" in row.pause_reason
    assert "'reserve'" in row.pause_reason
    assert "'charge'" in row.pause_reason
    assert "Step 1" in row.pause_reason
    assert calls == ["reserve"]
    assert steps_of(handle) == [("", 1, "reserve")]


def test_another_kind_of_step_at_one_place_pauses_too(deploy):
    handle = started_and_asleep(deploy(first_add, version="1"))
    Step.objects.create(
        workflow_id=handle.workflow_id,
        branch="",
        step_id=2,
        name="sleep",
        kind=Step.Kind.SLEEP,
        claim=1,
        started_at=row_of(handle).created_at,
        completed_at=row_of(handle).created_at,
    )
    deploy(no_sleep, version="1")

    with worker():
        row = wait_for_status(handle, Status.PAUSED)

    assert "'sleep'" in row.pause_reason
    assert "'charge'" in row.pause_reason


@pytest.mark.parametrize("how", ["worker start", "resume"])
def test_with_the_old_code_back_it_continues(deploy, how):
    handle = started_and_asleep(deploy(first_add, version="1"))
    deploy(first_charge, version="1")
    with worker():
        wait_for_status(handle, Status.PAUSED)

    deploy(first_add, version="1")
    if how == "resume":
        durable.resume_workflow(handle.workflow_id)
    with worker():
        assert result_of(handle) == "old"

    assert calls == ["reserve", "charge"]
    assert row_of(handle).pause_reason == ""


def test_a_paused_workflow_is_taken_up_once_per_worker_start(deploy):
    handle = started_and_asleep(deploy(first_add, version="1"))
    deploy(first_charge, version="1")
    with worker():
        first = wait_for_status(handle, Status.PAUSED).claim

    with worker() as running:
        row = wait_until(lambda: Workflow.objects.filter(claim__gt=first).first())
        wait_for_status(handle, Status.PAUSED)
        wait_until(lambda: running.is_idle)
        assert row_of(handle).claim == first + 1 == row.claim


def test_with_the_hash_a_changed_workflow_is_stranded_and_not_touched(deploy):
    handle = started_and_asleep(deploy(first_add))
    before = row_of(handle)
    deploy(first_charge)

    with worker():
        assert list(Workflow.objects.stranded()) == [before]
        wait_until(lambda: row_of(handle).status == Status.ENQUEUED)  # Its time came.
        assert result_of(workflows.total.start(1, 2)) == 3
        assert list(Workflow.objects.stranded()) == [before]

    after = row_of(handle)
    assert (after.claim, after.version) == (before.claim, before.version)


def test_resuming_moves_a_stranded_workflow_to_the_present_version(deploy):
    handle = started_and_asleep(deploy(first_add))
    new = deploy(another_tail)

    with worker():
        assert row_of(handle).version != new.version
        durable.resume_workflow(handle.workflow_id)
        assert not Workflow.objects.stranded().exists()
        assert result_of(handle) == "newer"

    assert row_of(handle).version == new.version
    assert calls == ["reserve", "refund"]


def test_the_replay_check_guards_a_resumed_workflow(deploy):
    handle = started_and_asleep(deploy(first_add))
    deploy(first_charge)

    with worker():
        durable.resume_workflow(handle.workflow_id)
        row = wait_for_status(handle, Status.PAUSED)

    assert "NonDeterministicWorkflow" in row.pause_reason
    assert calls == ["reserve"]


def test_with_continue_new_code_takes_over(deploy, settings):
    settings.DURABLE = {**COLD, "ON_VERSION_CHANGE": "continue"}
    handle = started_and_asleep(deploy(first_add))
    deploy(another_tail)

    with worker():
        assert not Workflow.objects.stranded().exists()
        assert result_of(handle) == "newer"

    assert calls == ["reserve", "refund"]


def test_with_continue_the_replay_check_guards(deploy, settings):
    settings.DURABLE = {**COLD, "ON_VERSION_CHANGE": "continue"}
    handle = started_and_asleep(deploy(first_add))
    deploy(first_charge)

    with worker():
        row = wait_for_status(handle, Status.PAUSED)

    assert "'reserve'" in row.pause_reason
    assert "'charge'" in row.pause_reason


def test_without_a_worker_everything_that_waits_is_stranded(deploy):
    handle = deploy(first_add).start()

    assert list(Workflow.objects.stranded()) == [row_of(handle)]

    with worker(queues=["nobody"]):
        assert not Workflow.objects.stranded().exists()


def test_a_start_by_name_leaves_the_version_to_workers_that_take_any():
    Worker.objects.register(Worker.Kind.WORKER, definitions=[("elsewhere.job", "*")])

    handle = durable.start_workflow("elsewhere.job", 1)

    assert row_of(handle).version == "*"
    assert not Workflow.objects.stranded().exists()
