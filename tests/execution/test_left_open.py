"""Transactions that user code opens by hand and does not end."""

import pytest
from django.db import connection
from django.db.transaction import TransactionManagementError

import django_durable as durable
from django_durable.models import Step
from tests import workflows
from tests.models import Entry
from tests.running import result_of, steps_of, worker

pytestmark = pytest.mark.django_db(transaction=True)


def begin(manner):
    """Open a transaction beside Django's blocks, and write into it."""
    if manner == "BEGIN":
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
    else:
        connection.set_autocommit(False)
    Entry.objects.create(key="never committed")


@durable.step
def begins(manner):
    begin(manner)


@durable.step
def begins_and_raises(manner):
    begin(manner)
    raise ValueError(manner)


@durable.workflow
def in_a_step(manner):
    begins(manner)


@durable.workflow
def in_a_step_that_raises(manner):
    begins_and_raises(manner)


@durable.workflow
def before_a_step(manner):
    begin(manner)
    workflows.add(1, 2)


@durable.workflow
def at_the_end(manner):
    begin(manner)  # durable: ignore


@pytest.mark.parametrize("manner", ["BEGIN", "autocommit off"])
@pytest.mark.parametrize("definition", [in_a_step, before_a_step, at_the_end])
def test_a_transaction_left_open_fails_the_workflow(definition, manner):
    with worker(concurrency=1):
        handle = definition.start(manner)
        with pytest.raises(TransactionManagementError, match="left a transaction open"):
            result_of(handle)
        after = workflows.total.start(1, 2)
        assert result_of(after) == 3

    assert not Entry.objects.exists()
    assert len(steps_of(after)) == 2
    assert Step.objects.filter(workflow_id=handle.workflow_id).count() <= 1


@pytest.mark.parametrize("manner", ["BEGIN", "autocommit off"])
def test_the_error_of_such_a_step_is_recorded_nevertheless(manner):
    with worker(concurrency=1):
        handle = in_a_step_that_raises.start(manner)
        with pytest.raises(ValueError, match=manner):
            result_of(handle)

    assert not Entry.objects.exists()
    assert Step.objects.get(workflow_id=handle.workflow_id).error
