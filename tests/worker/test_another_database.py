"""The durable tables may live on an alias of their own."""

import logging

import pytest
from django.db import transaction

import django_durable as durable
from django_durable.models import Step, Workflow
from django_durable.wakeup import hub
from tests import workflows
from tests.models import Entry
from tests.running import COLD, result_of, worker

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "apart"])


@durable.transaction
def enter_elsewhere(key):
    with transaction.atomic(using="default"):
        Entry.objects.using("default").create(key=key)
    Entry.objects.using("apart").create(key=key)


@durable.workflow
def nap_and_book(key):
    total = workflows.total(1, 2)
    durable.sleep(0.1)
    enter_elsewhere(key)
    return total


@pytest.fixture
def apart(settings):
    """Keep the durable tables on the other alias, also for hints."""
    hub.close()
    settings.DURABLE = {**COLD, "DATABASE": "apart"}
    yield
    hub.close()


@pytest.mark.usefixtures("apart")
def test_workflows_live_on_the_alias_that_the_settings_name():
    with worker():
        handle = nap_and_book.start("a")
        assert result_of(handle) == 3

    assert not Workflow.objects.using("default").exists()
    row = Workflow.objects.using("apart").get(pk=handle.workflow_id)
    assert (row.status, row.claim) == (Workflow.Status.SUCCESS, 2)
    steps = Step.objects.using("apart").filter(workflow_id=row.pk)
    assert [step.kind for step in steps.order_by("step_id")] == [
        "child",
        "sleep",
        "transaction",
    ]
    assert Entry.objects.using("apart").count() == 1


@pytest.mark.usefixtures("apart")
def test_a_transaction_on_another_alias_is_warned_of(caplog):
    with caplog.at_level(logging.WARNING, "django_durable"):
        nap_and_book("b")

    assert "opened atomic() on 'default'" in caplog.text


@pytest.mark.usefixtures("apart")
def test_a_workflow_is_managed_where_it_lives():
    handle = durable.start_workflow(workflows.total, 1, 2)

    assert durable.cancel_workflow(handle.workflow_id)
    durable.resume_workflow(handle.workflow_id)

    row = Workflow.objects.using("apart").get(pk=handle.workflow_id)
    row.cancel()
    assert row.status == Workflow.Status.CANCELLED
