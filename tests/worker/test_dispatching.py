"""Whatever fails around an execution, its row is not held for ever."""

import threading

import pytest
from django.db import OperationalError

from django_durable.models import Workflow, outcome
from tests import workflows
from tests.running import result_of, row_of, wait_for_status, worker

pytestmark = pytest.mark.django_db(transaction=True)

Status = Workflow.Status


def failing(function, is_meant=lambda *args: True, *, times=1):
    """Return ``function``, which raises at its first calls that are meant."""
    left = [RuntimeError("not now")] * times

    def call(*args, **kwargs):
        if left and is_meant(*args):
            raise left.pop()
        return function(*args, **kwargs)

    return call


def test_what_cannot_be_begun_goes_back_and_the_dispatcher_goes_on(monkeypatch):
    start = failing(
        threading.Thread.start,
        lambda thread: thread.name.startswith("durable-slot"),
        times=3,
    )
    monkeypatch.setattr(threading.Thread, "start", start)
    handles = [workflows.total.start(1, 2) for _ in range(3)]

    with worker(concurrency=3):
        results = [result_of(handle) for handle in handles]
        later = result_of(workflows.total.start(3, 4))

    assert (results, later) == ([3, 3, 3], 7)
    rows = [row_of(handle) for handle in handles]
    assert sum(row.claim - 1 for row in rows) == 3
    assert {row.stalls for row in rows} == {0}


def test_a_slot_whose_thread_does_not_start_is_free_again(monkeypatch):
    start = failing(
        threading.Thread.start, lambda thread: thread.name.startswith("durable-slot")
    )
    monkeypatch.setattr(threading.Thread, "start", start)

    with worker(concurrency=1):
        assert result_of(workflows.total.start(1, 2)) == 3
        assert result_of(workflows.total.start(3, 4)) == 7

    assert not Workflow.objects.filter(status=Status.PENDING).exists()


def test_the_dispatcher_survives_an_exception_that_is_not_the_databases(monkeypatch):
    rows = type(Workflow.objects.all())
    monkeypatch.setattr(rows, "claim", failing(rows.claim))

    with worker():
        assert result_of(workflows.total.start(1, 2)) == 3


def test_what_a_claim_took_whose_answer_was_lost_is_executed(monkeypatch):
    rows, lost = type(Workflow.objects.all()), []
    claim = rows.claim

    def claim_and_lose(self, *args, **options):
        claimed = claim(self, *args, **options)
        if claimed and not lost:
            lost.extend(claimed)
            raise OperationalError("server closed the connection unexpectedly")
        return claimed

    monkeypatch.setattr(rows, "claim", claim_and_lose)

    with worker():
        handle = workflows.total.start(1, 2)
        assert result_of(handle) == 3

    assert [claimed.id for claimed in lost] == [handle.workflow_id]
    assert (row_of(handle).claim, row_of(handle).stalls) == (3, 0)


@pytest.mark.parametrize("definition", [workflows.total, workflows.atotal])
def test_an_execution_whose_end_cannot_be_written_is_paused_with_the_reason(
    monkeypatch, definition
):
    def refuse(*args):
        raise ValueError("cannot be stored")

    monkeypatch.setattr(outcome, "store", refuse)

    with worker():
        handle = definition.start(1, 2)
        row = wait_for_status(handle, Status.PAUSED)

    assert "cannot be stored" in row.pause_reason


@pytest.mark.parametrize("definition", [workflows.total, workflows.atotal])
def test_a_paused_end_is_written_after_resuming(monkeypatch, definition):
    with monkeypatch.context() as patch, worker():
        patch.setattr(outcome, "store", failing(outcome.store))
        handle = definition.start(1, 2)
        wait_for_status(handle, Status.PAUSED)
        row_of(handle).resume()

        assert result_of(handle) == 3

    assert len(workflows.calls) == 2
