"""Workflows in the transaction of a plain test."""

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError
from django.test import TestCase, TransactionTestCase

import django_durable as durable
from django_durable import signals
from django_durable.execution.direct import _lease
from django_durable.models import Step, Worker, Workflow
from django_durable.testing import (
    arun_until_idle,
    run_until_idle,
    virtual_time,
)
from django_durable.wakeup import hub
from tests.models import Entry
from tests.testing import workflows
from tests.workflows import calls


class InATestCase(TestCase):
    def test_a_workflow_runs_on_the_tests_own_thread_and_connection(self):
        handle = workflows.family.start(2)

        executions = run_until_idle()

        assert handle.get_result() == (4, [8, 8])
        assert executions == 3  # It waits once for the child that it started.
        assert connection.in_atomic_block
        assert not Worker.objects.exists()

    def test_sync_and_async_workflows_suspend_and_wake(self):
        handles = [workflows.remind.start(3), workflows.aremind.start(3)]

        with virtual_time() as time:
            run_until_idle()
            assert {handle.get_status() for handle in handles} == {"WAITING"}
            time.advance(days=3)
            run_until_idle()

        assert [handle.get_result() for handle in handles] == ["reminded", 6]
        assert calls.count("charge") == 1
        assert calls.count("acharge") == 2

    async def test_async_tests_have_a_twin(self):
        handle = await workflows.aremind.astart(1)

        with virtual_time() as time:
            await arun_until_idle()
            time.advance(days=1)
            await arun_until_idle()

        assert await handle.aget_result() == 6

    async def test_the_sync_call_on_an_event_loop_names_the_twin(self):
        with pytest.raises(Exception, match="arun_until_idle"):
            run_until_idle()

    def test_work_for_the_commit_is_done_after_each_transaction(self):
        workflows.remind.start(0)

        run_until_idle()

        assert calls == ["charge", "awake", "committed reminded"]

    def test_work_that_the_test_left_for_the_commit_stays_left(self):
        with self.captureOnCommitCallbacks(execute=True) as callbacks:
            transaction.on_commit(lambda: calls.append("the test's own"))
            workflows.remind.start(0)
            run_until_idle()
            assert "the test's own" not in calls

        assert calls.count("the test's own") == 1
        assert calls.count("committed reminded") == 1
        assert len(callbacks) >= 1

    def test_a_rolled_back_transaction_leaves_no_work_for_the_commit(self):
        handle = workflows.unfinished.start()

        run_until_idle()

        assert handle.get_status() == "ERROR"
        assert calls == []

    def test_values_pass_through_the_serializer(self):
        handle = workflows.echo.start({"when": timedelta(days=1), 1: (2, 3)})

        run_until_idle()

        assert handle.get_result() == {"when": timedelta(days=1), 1: (2, 3)}

    def test_signals_are_sent(self):
        heard = []

        def hear(**facts):
            heard.append(facts["name"])

        signals.workflow_finished.connect(hear)
        try:
            workflows.double.start(1)
            run_until_idle()
        finally:
            signals.workflow_finished.disconnect(hear)

        assert heard == [workflows.double.name]

    def test_a_cancelled_parents_end_wakes_who_waits_for_it(self):
        with virtual_time():
            waited_for = workflows.remind.using(workflow_id="w").start(3)
            waiter = wait_for_it.start("w")
            run_until_idle()
            durable.cancel_workflow("w", "enough")
            run_until_idle()

        assert waited_for.get_status() == "CANCELLED"
        assert waiter.get_result() == "enough"

    def test_a_paused_workflow_gets_another_try(self):
        handle = workflows.double.start(1)
        rows = Workflow.objects.filter(pk=handle.workflow_id)
        rows.update(status=Workflow.Status.PAUSED)

        run_until_idle()

        assert handle.get_result() == 2

    def test_a_workflow_without_its_code_is_left_alone(self):
        handle = workflows.double.start(1)
        Workflow.objects.filter(pk=handle.workflow_id).update(name="gone")

        assert run_until_idle() == 0
        assert handle.get_status() == "ENQUEUED"

    def test_what_never_ends_is_named(self):
        workflows.restless.start()

        with pytest.raises(AssertionError, match=r"After 20 executions.*restless"):
            run_until_idle(limit=20)

    def test_it_is_refused_inside_an_atomic_block_of_the_test(self):
        with (
            transaction.atomic(),
            pytest.raises(TransactionManagementError, match="after the block"),
        ):
            run_until_idle()

    def test_no_thread_or_connection_is_started(self):
        hub.close()
        workflows.aremind.start(1)

        run_until_idle()

        assert hub._source is None
        assert _lease._lease is None

    def test_priorities_and_delays_count(self):
        with virtual_time() as time:
            for key, options in {
                "late": {"run_after": timedelta(days=1), "priority": 100},
                "low": {"priority": -5},
                "high": {"priority": 5},
            }.items():
                enter_it.using(**options).start(key)
            run_until_idle()
            assert entries() == ["high", "low"]
            time.advance(days=1)
            run_until_idle()

        assert entries() == ["high", "low", "late"]


class WithRealCommits(TransactionTestCase):
    def test_it_commits_and_leaves_no_worker_behind(self):
        hub.close()
        handle = workflows.remind.start(0)

        run_until_idle()

        assert handle.get_result() == "reminded"
        assert "committed reminded" in calls
        assert not connection.in_atomic_block
        assert not Worker.objects.exists()
        assert hub._source is None


@pytest.mark.django_db
def test_the_transaction_of_pytest_django_will_do():
    handle = workflows.family.start(1)

    run_until_idle()

    assert handle.get_result() == (2, [4, 4])


@pytest.mark.django_db
def test_the_tables_are_empty_in_the_next_test():
    assert not Workflow.objects.exists()
    assert not Step.objects.exists()


@pytest.mark.django_db
def test_a_waiting_result_says_how_to_get_it():
    handle = workflows.remind.start(3)

    with pytest.raises(durable.WaitImpossible, match="run_until_idle"):
        handle.get_result()


@pytest.mark.django_db
def test_an_async_test_may_be_driven_from_outside():
    handle = workflows.aremind.start(0)

    async_to_sync(arun_until_idle)()

    assert handle.get_result() == 6


@durable.workflow
def wait_for_it(pk):
    """Wait for another workflow, whatever becomes of it."""
    try:
        return durable.retrieve_workflow(pk).get_result()
    except durable.WorkflowCancelled as error:
        return error.reason


@durable.workflow
def enter_it(key):
    return workflows.enter(key)


def entries():
    """Return the keys of the business rows, oldest first."""
    return list(Entry.objects.order_by("pk").values_list("key", flat=True))
