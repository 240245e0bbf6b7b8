"""python_workflow_tutorial, versioning and recovery, management."""

from datetime import timedelta

import pytest

import django_durable as durable
from django_durable import clock
from django_durable.definitions import registry
from django_durable.models import Workflow
from django_durable.testing import run_until_idle, virtual_time
from tests.seeds import python_workflow_tutorial as programs
from tests.workflows import calls

pytestmark = pytest.mark.django_db

Status = Workflow.Status
CONFIRMED_AND_REMINDED = [("confirmation", "ada"), ("reminder", "ada")]


def row_of(handle):
    return Workflow.objects.get(pk=handle.workflow_id)


def test_the_version_is_a_hash_of_the_source(monkeypatch):
    """Workflow versioning and recovery: computed."""
    monkeypatch.setattr(registry, "_definitions", {})

    @durable.workflow("first")
    def first():
        return programs.fetch("https://example.com")

    @durable.workflow("second")
    def second():
        return programs.fetch("https://example.org")

    assert first.version != second.version
    assert row_of(first.start()).version == first.version


def test_a_workflow_is_not_executed_by_another_version(settings):
    """Workflow versioning and recovery: tagged and pinned."""
    settings.DURABLE = {"APP_VERSION": "1"}
    handle = programs.named_workflow.start()

    settings.DURABLE = {"APP_VERSION": "2"}
    assert run_until_idle() == 0
    assert row_of(handle).version == "1"
    settings.DURABLE = {"APP_VERSION": "1"}
    run_until_idle()

    assert handle.get_status() == Status.SUCCESS


def test_a_workflow_is_resumed_by_hand_on_the_current_version(settings):
    """Workflow versioning and recovery: resumed by hand."""
    with virtual_time() as time:
        settings.DURABLE = {"APP_VERSION": "1"}
        handle = programs.reminder_workflow.start("ada", 60)
        run_until_idle()
        settings.DURABLE = {"APP_VERSION": "2"}
        time.run_for(seconds=60)
        assert calls == CONFIRMED_AND_REMINDED[:1]

        durable.resume_workflow(handle.workflow_id)
        run_until_idle()

    assert row_of(handle).version == "2"
    assert calls == CONFIRMED_AND_REMINDED


def test_workflows_are_listed_by_what_became_of_them():
    """Workflow management, listing: the query API."""
    done = programs.named_workflow.start()
    failed = programs.failing_workflow.start("no")
    waiting = programs.reminder_workflow.start("ada", 60)
    run_until_idle()

    def ids(rows):
        return [row.pk for row in rows]

    assert ids(Workflow.objects.failed()) == [failed.workflow_id]
    assert ids(Workflow.objects.active()) == [waiting.workflow_id]
    of_name = Workflow.objects.for_definition(programs.named_workflow)
    assert ids(of_name) == [done.workflow_id]
    assert ids(Workflow.objects.filter(status=Status.WAITING)) == [waiting.workflow_id]


def test_cancelling_interrupts_at_the_beginning_of_the_next_step():
    """Workflow management, cancelling: executing."""
    handle = programs.cancelled_while_executing.start()

    run_until_idle()

    assert handle.get_status() == Status.CANCELLED
    assert row_of(handle).cancel_reason == "changed my mind"
    assert calls == ["cancelled"]


def test_cancelling_takes_an_enqueued_workflow_out_of_its_queue():
    """Workflow management, cancelling: enqueued."""
    handle = programs.named_workflow.start()

    assert durable.cancel_workflow(handle.workflow_id)

    assert run_until_idle() == 0
    assert handle.get_status() == Status.CANCELLED
    with pytest.raises(durable.WorkflowCancelled):
        handle.get_result()


def test_cancelling_ends_a_wait_at_once():
    """Workflow management, cancelling: waiting for a message."""
    handle = programs.checkout_workflow.start("widget")
    run_until_idle()
    assert handle.get_status() == Status.WAITING

    assert row_of(handle).cancel("nobody pays")

    assert handle.get_status() == Status.CANCELLED
    durable.send(handle.workflow_id, "paid", programs.PAYMENT_STATUS)
    assert run_until_idle() == 0


def test_resuming_continues_a_cancelled_workflow_from_its_last_step():
    """Workflow management, resuming: cancelled."""
    handle = programs.cancelled_while_executing.start()
    run_until_idle()

    durable.resume_workflow(handle.workflow_id)
    run_until_idle()

    assert handle.get_result() == "done"
    assert calls == ["cancelled", ("confirmation", "ada@example.com")]


def test_resuming_lets_a_cancelled_wait_receive_its_message():
    """Workflow management, resuming: while it waits."""
    handle = programs.checkout_workflow.start("widget")
    run_until_idle()
    durable.cancel_workflow(handle.workflow_id)
    durable.send(handle.workflow_id, "paid", programs.PAYMENT_STATUS)

    durable.resume_workflow(handle.workflow_id)
    run_until_idle()

    assert handle.get_result() == "dispatched"
    assert calls == [("reserve", "widget")]


def test_resuming_gives_a_dead_lettered_workflow_another_chance():
    """Workflow management, resuming: too many recoveries."""
    handle = programs.named_workflow.start()
    Workflow.objects.update(
        status=Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED,
        recovery_attempts=10,
        stalls=12,
        completed_at=clock.now(),
    )
    assert run_until_idle() == 0

    durable.resume_workflow(handle.workflow_id)
    run_until_idle()

    assert handle.get_result() == handle.workflow_id


def test_resuming_starts_a_delayed_workflow_at_once():
    """Workflow management, resuming: enqueued for later."""
    handle = programs.named_workflow.using(run_after=timedelta(days=1)).start()
    assert run_until_idle() == 0

    durable.resume_workflow(handle.workflow_id)
    run_until_idle()

    assert handle.get_result() == handle.workflow_id


def test_restarting_starts_the_same_inputs_under_a_new_id():
    """Workflow management, restarting."""
    handle = programs.slow_concatenation.start("foo", "bar")
    with virtual_time() as time:
        time.run_for(seconds=10)

        again = durable.restart_workflow(handle.workflow_id)
        assert again.workflow_id != handle.workflow_id
        time.run_for(seconds=10)

    assert (handle.get_result(), again.get_result()) == ("foobar", "foobar")
    assert row_of(again).forked_from_id == handle.workflow_id
