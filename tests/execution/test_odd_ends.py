"""Executions that end, or that others end, where nobody expects it."""

import asyncio
import threading

import pytest
from django.db import connection
from django.db.transaction import TransactionManagementError

import django_durable as durable
from django_durable.execution import children
from django_durable.models import Workflow
from tests import workflows
from tests.models import Entry
from tests.running import (
    PATIENCE,
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

inserted = threading.Event()
cancelled = threading.Event()


@pytest.fixture(autouse=True)
def nothing_happened():
    inserted.clear()
    cancelled.clear()
    yield
    cancelled.set()


@durable.workflow
async def lets_a_cancellation_out():
    calls.append("run")
    task = asyncio.create_task(asyncio.sleep(PATIENCE))  # durable: ignore
    await asyncio.sleep(0)
    task.cancel()
    await task


@durable.workflow
async def calls_one_that_lets_it_out():
    try:
        await lets_a_cancellation_out()
    except RuntimeError as error:
        return str(error)


@durable.workflow
def child():
    calls.append("child")
    return 1


@durable.step
async def fail_once_the_child_is_inserted():
    while not inserted.is_set():
        await asyncio.sleep(0.005)
    raise ValueError("a sibling fails")


async def notice_the_cancellation():
    """Tell when the group has cancelled its tasks, which it does all at once."""
    try:
        await asyncio.sleep(2 * PATIENCE)  # durable: ignore
    finally:
        cancelled.set()


@durable.workflow
async def loses_a_branch():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail_once_the_child_is_inserted())
            group.create_task(child.acall())
            group.create_task(notice_the_cancellation())
    except* ValueError:
        pass
    return await workflows.aadd(1, 2)


@durable.workflow
async def sleeps_in_threads(number):
    def nap():
        calls.append("nap")
        durable.sleep(3600)

    naps = [asyncio.create_task(asyncio.to_thread(nap)) for _ in range(number)]
    await asyncio.sleep(0)  # The naps are first in the queue for threads.
    await workflows.add.acall(1, 2)
    await asyncio.gather(*naps)


def test_a_workflow_that_lets_a_cancellation_out_ends_in_error():
    with worker():
        handle = lets_a_cancellation_out.start()
        row = wait_for_status(handle, Status.SUCCESS, Status.ERROR)

    assert row.status == Status.ERROR
    assert "CancelledError" in row.error
    assert (calls, row.claim) == (["run"], 1)


def test_a_cancellation_that_a_child_lets_out_is_an_exception_for_its_parent():
    with worker():
        handle = calls_one_that_lets_it_out.start()
        answer = result_of(handle)

    assert "CancelledError" in answer
    assert (calls, row_of(handle).claim) == (["run"], 1)


def test_a_child_whose_branch_is_cancelled_while_it_is_inserted_is_not_held(
    monkeypatch,
):
    insert = children._insert_held

    def insert_slowly(execution, row):
        is_new = insert(execution, row)
        inserted.set()
        assert cancelled.wait(PATIENCE)
        return is_new

    monkeypatch.setattr(children, "_insert_held", insert_slowly)

    with worker():
        handle = loses_a_branch.start()
        assert result_of(handle) == 3
        rows = Workflow.objects.filter(parent=handle.workflow_id)
        wait_until(lambda: rows.get().status == Status.SUCCESS, "the child's end")

    assert calls.count("child") == 1


def test_waits_in_threads_of_async_code_do_not_starve_a_sync_step():
    with worker(concurrency=2):
        handle = sleeps_in_threads.start(2)
        wait_until(lambda: "add" in [name for *_, name in steps_of(handle)], "the step")
        durable.cancel_workflow(handle.workflow_id)

    assert ("add", 1, 2) in calls


@durable.step
def leaves_a_transaction_open(and_raises):
    connection.set_autocommit(False)
    Entry.objects.create(key="lost")
    if and_raises:
        raise LookupError("and this")


@durable.workflow
def meets_an_open_transaction(and_raises):
    try:
        leaves_a_transaction_open(and_raises)
    except (LookupError, TransactionManagementError) as error:
        return type(error).__name__


@pytest.mark.parametrize(
    ("and_raises", "error"),
    [(False, "TransactionManagementError"), (True, "LookupError")],
)
def test_a_step_that_leaves_a_transaction_open_holds_nothing_back(and_raises, error):
    with worker(concurrency=1):
        assert result_of(meets_an_open_transaction.start(and_raises)) == error
        assert result_of(workflows.total.start(1, 2)) == 3

    assert not Entry.objects.exists()
