"""One test of a workflow, run again for each write at which its process can die."""

import pytest
from asgiref.sync import sync_to_async
from django.db.transaction import TransactionManagementError

import django_durable as durable
from django_durable.models import Step, Workflow
from django_durable.testing import (
    crash_everywhere,
    fail_step,
    run_until_idle,
    virtual_time,
)
from tests.models import Entry
from tests.testing import workflows
from tests.testing.workflows import Declined
from tests.workflows import calls


@pytest.mark.django_db
@pytest.mark.parametrize(
    "definition", [workflows.remind, workflows.aremind], ids=["sync", "async"]
)
def test_a_workflow_survives_a_crash_at_each_of_its_writes(definition):
    def scenario():
        with virtual_time() as time:
            handle = definition.start(3)
            time.run_for(days=3)
            return handle.get_result()

    crashes = crash_everywhere(scenario)

    # Before and after at least: a claim, three records, a transaction's insert
    # and commit, a suspension, an outcome.
    assert crashes >= 20
    assert calls.count("committed reminded") <= crashes + 1
    assert not Workflow.objects.exists()
    assert not Entry.objects.exists()


@pytest.mark.once
@pytest.mark.django_db
def test_children_survive_too():
    def scenario():
        handle = workflows.family.start(1)
        run_until_idle()
        return handle.get_result()

    assert crash_everywhere(scenario) >= 20


@pytest.mark.django_db
def test_retries_survive_and_an_async_test_will_do():
    async def scenario():
        with virtual_time() as time, fail_step("charge", Declined):
            handle = await workflows.double.astart(1)
            await sync_to_async(time.run_for)(hours=1)
        return await handle.aget_result()

    assert crash_everywhere(scenario) >= 10


@pytest.mark.django_db
def test_the_first_crash_that_makes_a_difference_is_named():
    def scenario():
        handle = workflows.careless.start("twice")
        run_until_idle()
        return handle.get_status()

    with pytest.raises(AssertionError) as caught:
        crash_everywhere(scenario)

    message = str(caught.value)
    assert "After a crash after write" in message
    assert "INSERT INTO tests_entry, in step 2 of" in message
    assert "careless" in message
    assert "unexpected: 1 row(s) of tests.Entry" in message


@pytest.mark.django_db
def test_another_result_is_named_as_well():
    results = iter(range(1000))

    def scenario():
        workflows.double.start(1)
        run_until_idle()
        return next(results)

    with pytest.raises(AssertionError, match="it returned 1 instead of 0"):
        crash_everywhere(scenario)


@pytest.mark.django_db
def test_a_test_that_fails_after_a_crash_says_after_which():
    seen = []

    def scenario():
        workflows.double.start(1)
        run_until_idle()
        seen.append(1)
        assert len(seen) < 3, "too many"

    with pytest.raises(AssertionError, match=r"After a crash after write 1.*too many"):
        crash_everywhere(scenario)


@pytest.mark.once
@pytest.mark.django_db
def test_dead_code_that_catches_everything_does_nothing_more():
    def scenario():
        handle = workflows.swallowing.start("once")
        run_until_idle()
        return handle.get_result()

    assert crash_everywhere(scenario) > 0


@pytest.mark.once
@pytest.mark.django_db
def test_the_virtual_clock_around_it_stands_where_it_stood():
    with virtual_time() as time:
        before = time.now()

        def scenario():
            handle = workflows.daily.start(2)
            time.run_for(days=2)
            return handle.get_result()

        crash_everywhere(scenario)

        assert time.now() == before


@pytest.mark.django_db
def test_a_test_that_writes_nothing_durable_is_refused():
    with pytest.raises(AssertionError, match="nothing durable was written"):
        crash_everywhere(lambda: workflows.double.start(1))


@pytest.mark.django_db(transaction=True)
def test_a_test_with_real_commits_is_refused():
    with pytest.raises(TransactionManagementError, match="a TestCase"):
        crash_everywhere(lambda: None)


@pytest.mark.django_db
def test_the_connection_is_as_it_was_afterwards():
    def scenario():
        workflows.remind.start(0)
        run_until_idle()

    crash_everywhere(scenario)
    handle = workflows.remind.start(0)
    run_until_idle()

    assert handle.get_result() == "reminded"
    assert Step.objects.count() == 3
    assert durable.current() is None
