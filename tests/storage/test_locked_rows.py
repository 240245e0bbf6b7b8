"""Transactions of others that hold workflows' rows cost a wait, not a stall."""

import threading

import pytest
from django.db import connections, transaction

import django_durable as durable
from django_durable.exceptions import WorkflowCancelled
from django_durable.execution import running
from django_durable.models import Step, Workflow, outcome, sql
from tests import workflows
from tests.interleaving import Elsewhere, elsewhere, observing
from tests.running import (
    COLD,
    PATIENCE,
    result_of,
    row_of,
    wait_for_status,
    wait_until,
    worker,
)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        not connections["default"].features.has_select_for_update,
        reason="This database does not lock rows.",
    ),
]

Status = Workflow.Status
# As many as a worker has threads for the queries of async workflows.
MANY = 4
# The numbers that psycopg gives to the levels.
READ_COMMITTED, REPEATABLE_READ = 2, 3

inside = []


@pytest.fixture(autouse=True)
def nothing_inside():
    inside.clear()


@durable.workflow
async def nap():
    await workflows.aadd(1, 1)
    await durable.asleep(3600)


@durable.workflow
async def call_a_child():
    return await workflows.atotal(1, 2)


@durable.workflow
def disturbed():
    inside.pop()()
    return "done"


@durable.workflow
def start_a_child():
    workflows.total.start(1, 2)
    return inside.pop().result()


class Holder:
    """A transaction of somebody else's that holds rows until it is released."""

    def __init__(self, ids, until):
        self._ids, self._until = ids, until
        self._locked = threading.Event()
        self.elsewhere = Elsewhere(self._hold)
        assert self._locked.wait(PATIENCE)

    def _hold(self):
        with transaction.atomic():
            rows = Workflow.objects.filter(pk__in=self._ids)
            assert len(rows.select_for_update(no_key=True)) == len(self._ids)
            self._locked.set()
            self._until()


def somebody_waits_for_a_row():
    with observing() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event_type = 'Lock'"
        )
        return cursor.fetchone() is not None


def test_locked_rows_do_not_stall_other_async_workflows(settings, monkeypatch):
    settings.DURABLE = COLD
    ids = [f"nap-{n}" for n in range(MANY)]
    all_here = threading.Barrier(MANY + 1)
    locked, free = threading.Event(), threading.Event()
    suspend = running._suspend
    seen = set()

    def suspend_when_locked(execution):
        if execution.workflow_id in ids and execution.workflow_id not in seen:
            seen.add(execution.workflow_id)
            all_here.wait(PATIENCE)
            assert locked.wait(PATIENCE)
        suspend(execution)

    monkeypatch.setattr(running, "_suspend", suspend_when_locked)

    with worker():
        handles = [nap.using(workflow_id=pk).start() for pk in ids]
        all_here.wait(PATIENCE)
        holder = Holder(ids, lambda: free.wait(2 * PATIENCE))
        locked.set()
        try:
            assert result_of(call_a_child.start()) == 3
            held = [row_of(handle).status for handle in handles]
        finally:
            free.set()
            holder.elsewhere.result()
        for handle in handles:
            wait_for_status(handle, Status.WAITING)

    assert held == [Status.PENDING] * MANY


def test_the_end_of_a_direct_call_waits_for_its_row_without_spinning(monkeypatch):
    tries = []
    store = outcome.store

    def count(*args):
        tries.append(args)
        return store(*args)

    def hold():
        holders.append(
            Holder(["w"], lambda: wait_until(somebody_waits_for_a_row, "a wait"))
        )

    holders = []
    inside.append(hold)
    monkeypatch.setattr(outcome, "store", count)

    result = disturbed.using(workflow_id="w")()

    holders[0].elsewhere.result()
    assert result == "done"
    assert Workflow.objects.get(pk="w").status == Status.SUCCESS
    assert len(tries) == 2  # One that skips the locked row, one that has it.


@transaction.atomic
def level_of_transactions():
    return sql.fetch(connections["default"], "SHOW transaction_isolation")[0][0]


@pytest.mark.parametrize(
    ("level", "shown"),
    [(READ_COMMITTED, "read committed"), (REPEATABLE_READ, "repeatable read")],
)
def test_a_cancellation_takes_along_a_child_that_is_being_started(
    monkeypatch, level, shown
):
    options = connections.settings["default"]["OPTIONS"]
    monkeypatch.setitem(options, "isolation_level", level)
    rows = type(Step.objects.all())
    record = rows.record_held

    def record_and_be_cancelled(self, checkpoint):
        recorded = record(self, checkpoint)  # From here on the parent is locked.
        inside.append(Elsewhere(lambda: durable.cancel_workflow("top")))
        inside[0].let_run()
        return recorded

    monkeypatch.setattr(rows, "record_held", record_and_be_cancelled)

    with pytest.raises(WorkflowCancelled):
        start_a_child.using(workflow_id="top")()

    assert elsewhere(level_of_transactions) == shown
    stored = dict(Workflow.objects.values_list("id", "status"))
    assert stored == {"top": Status.CANCELLED, "top/1": Status.CANCELLED}
