"""A wait inside atomic() that can never end, or would stop everybody, is refused."""

import pytest
from django.db import connection, transaction

from django_durable.exceptions import WaitImpossible
from django_durable.models import Workflow
from tests import workflows
from tests.running import PATIENCE, in_loop, result_of, row_of, worker

pytestmark = pytest.mark.django_db(transaction=True)

Status = Workflow.Status


def test_a_result_inside_atomic_is_refused_for_what_the_block_started():
    with transaction.atomic():
        handle = workflows.total.start(1)
        with pytest.raises(WaitImpossible, match="after the"):
            handle.get_result()
        with pytest.raises(WaitImpossible):
            in_loop(handle.aget_result, timeout=1)

    assert row_of(handle).status == Status.ENQUEUED


def test_a_result_inside_atomic_of_another_transactions_workflow():
    """SQLite refuses it always: the block may hold the only write lock."""
    handle = workflows.total.start(1)

    assert_a_wait_is_refused_by_a_single_lock(handle)


def test_a_result_that_is_there_can_be_read_inside_atomic():
    with worker():
        handle = workflows.total.start(1)
        result_of(handle)

    with transaction.atomic():
        assert handle.get_result() == 1


def test_a_rolled_back_start_is_forgotten_by_the_connection():
    with transaction.atomic():
        workflows.total.using(workflow_id="order-1").start(1)
        transaction.set_rollback(True)
    handle = workflows.total.using(workflow_id="order-1").start(1)

    assert_a_wait_is_refused_by_a_single_lock(handle)


def assert_a_wait_is_refused_by_a_single_lock(handle):
    """Wait inside atomic(): refused where the block may hold the only write lock."""
    if connection.vendor == "sqlite":
        with transaction.atomic(), pytest.raises(WaitImpossible, match="write lock"):
            handle.get_result(timeout=PATIENCE)
    else:
        with worker(), transaction.atomic():
            assert result_of(handle) == 1
