"""python_workflow_tutorial, from its first section to starting in the background."""

import urllib.request

import pytest

import django_durable as durable
from django_durable import lint
from django_durable.definitions import registry
from django_durable.models import Workflow
from django_durable.testing import (
    assert_steps,
    crash_everywhere,
    fail_step,
    run_until_idle,
    virtual_time,
)
from tests.models import Entry
from tests.seeds import python_workflow_tutorial as programs
from tests.workflows import calls

pytestmark = pytest.mark.django_db

CONFIRMED_AND_REMINDED = [("confirmation", "ada"), ("reminder", "ada")]


def test_the_reminder_comes_after_months_and_the_confirmation_is_not_repeated():
    """Workflows."""
    with virtual_time() as time:
        programs.reminder_workflow.start("ada", 90 * 24 * 3600)
        time.run_for(days=89)
        assert calls == CONFIRMED_AND_REMINDED[:1]
        time.run_for(days=1)

    assert calls == CONFIRMED_AND_REMINDED


def test_a_workflow_runs_to_completion_whatever_crashes():
    """Workflows, reliability guarantees: 1."""

    def scenario():
        with virtual_time() as time:
            handle = programs.reminder_workflow.start("ada", 3600)
            time.run_for(hours=1)
        return handle.get_status()

    crash_everywhere(scenario)

    assert scenario() == "SUCCESS"


def test_a_completed_step_is_not_executed_again():
    """Workflows, reliability guarantees: 2."""
    with virtual_time() as time:
        handle = programs.reminder_workflow.start("ada", 3600)
        run_until_idle()
        time.advance(hours=1)
        run_until_idle()

    assert Workflow.objects.get(pk=handle.workflow_id).claim > 1
    assert calls == CONFIRMED_AND_REMINDED


def test_a_transaction_commits_once_whatever_crashes():
    """Workflows, reliability guarantees: 3."""

    def scenario():
        programs.page_workflow.start("ada")
        run_until_idle()
        return Entry.objects.count()

    crash_everywhere(scenario)

    assert scenario() == 1


def test_an_exception_of_a_workflow_ends_it_in_error_and_is_kept():
    """Workflows, reliability guarantees: exceptions."""
    handle = programs.failing_workflow.start("not my day")
    run_until_idle()
    assert run_until_idle() == 0

    (failed,) = Workflow.objects.failed()
    assert (failed.pk, failed.status) == (handle.workflow_id, "ERROR")
    with pytest.raises(ValueError, match="not my day"):
        handle.get_result()
    assert calls == [("confirmation", "ada@example.com")]


def test_what_may_fail_transiently_is_retried_in_a_step():
    """Workflows, reliability guarantees: configured retries."""
    with (
        virtual_time() as time,
        fail_step("ask_flaky_service", programs.ServiceDown, times=2),
    ):
        handle = programs.patient_workflow.start()
        time.run_for(hours=1)

    assert handle.get_result() == "answer"
    assert calls == ["asked"]


def test_asking_the_network_in_the_body_is_found_by_the_check(monkeypatch):
    """Determinism: what not to do."""
    monkeypatch.setattr(registry, "_definitions", {})

    @durable.workflow
    def example_workflow(friend):
        body = urllib.request.urlopen("https://example.com").read()
        return programs.store(body)

    (finding,) = lint.findings([example_workflow])

    assert "urlopen" in finding.message


def test_the_network_is_asked_in_a_step_and_the_database_in_a_transaction():
    """Determinism: what to do instead."""
    handle = programs.page_workflow.start("ada")

    run_until_idle()

    body = "ada: <h1>https://example.com</h1>"
    assert handle.get_result() == len(body)
    assert Entry.objects.get().note == body
    assert_steps(handle, ["fetch", "store"])
    assert lint.findings([programs.page_workflow]) == []


def test_each_execution_has_an_id_that_its_code_can_read():
    """Workflow ids and idempotency: unique by default."""
    handles = [programs.named_workflow.start() for _ in range(2)]

    run_until_idle()

    ids = [handle.get_workflow_id() for handle in handles]
    assert [handle.get_result() for handle in handles] == ids
    assert len(set(ids)) == 2


def test_a_workflow_called_twice_with_one_id_executes_once():
    """Workflow ids and idempotency: SetWorkflowID."""
    results = []
    for _ in range(2):
        with durable.SetWorkflowID("very-unique-id"):
            results.append(programs.named_workflow())

    assert results == ["very-unique-id"] * 2
    assert calls == [("confirmation", "very-unique-id")]


def test_a_start_returns_a_handle_before_the_workflow_is_executed():
    """Starting workflows in the background."""
    with virtual_time() as time:
        handle = durable.start_workflow(programs.slow_concatenation, "var1", "var2")
        assert handle.get_status() == "ENQUEUED"
        time.run_for(seconds=9)
        assert handle.get_status() == "WAITING"
        time.run_for(seconds=1)

    assert handle.get_result() == "var1var2"


def test_a_handle_is_found_again_by_its_id():
    """Starting workflows in the background: retrieve_workflow."""
    workflow_id = programs.named_workflow.start().workflow_id
    run_until_idle()

    handle = durable.retrieve_workflow(workflow_id)

    assert handle.get_result() == workflow_id
    with pytest.raises(durable.WorkflowNotFound):
        durable.retrieve_workflow("nobody")
