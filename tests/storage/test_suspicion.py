"""Workflows that workers die of: suspected, tried alone, given up, or cleared."""

import uuid

import pytest

from django_durable import clock
from django_durable.models import Workflow
from tests import workflows

pytestmark = pytest.mark.django_db

Status = Workflow.Status


def held(**fields):
    """Return a workflow that a worker holds which nobody has heard of."""
    handle = workflows.total.start(1, 2)
    rows = Workflow.objects.filter(pk=handle.workflow_id)
    rows.update(status=Status.PENDING, worker=uuid.uuid4(), claim=7, **fields)
    return rows


def test_each_lost_worker_without_a_new_checkpoint_raises_the_suspicion():
    rows = held()

    Workflow.objects.requeue_abandoned()

    row = rows.get()
    assert (row.status, row.stalls, row.recovery_attempts) == (Status.ENQUEUED, 1, 0)
    assert row.claim == 8


def test_only_deaths_alone_count_towards_the_dead_letter():
    rows = held(stalls=2, max_recovery_attempts=2)

    Workflow.objects.requeue_abandoned()
    first = rows.get()
    rows.update(status=Status.PENDING, worker=uuid.uuid4())
    Workflow.objects.requeue_abandoned()
    second = rows.get()

    assert (first.status, first.recovery_attempts) == (Status.ENQUEUED, 1)
    assert second.status == Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED
    assert second.recovery_attempts == 2
    assert second.completed_at is not None


def test_a_new_checkpoint_begins_the_count_anew():
    rows = held(stalls=2, recovery_attempts=1, stalled_at=0)
    rows.get().steps.create(
        branch="",
        step_id=1,
        name="add",
        kind="step",
        claim=7,
        started_at=clock.now(),
        completed_at=clock.now(),
    )

    Workflow.objects.requeue_abandoned()

    row = rows.get()
    assert (row.stalls, row.recovery_attempts, row.stalled_at) == (1, 0, 1)


def test_a_workflow_that_suspends_is_suspected_no_longer():
    rows = held(stalls=3, recovery_attempts=1)

    assert Workflow.objects.suspend(rows.get().pk, 7, wake_at=None)

    row = rows.get()
    assert (row.status, row.stalls, row.recovery_attempts) == (Status.WAITING, 0, 0)


def test_a_hand_over_does_not_clear_a_suspect():
    rows = held(stalls=3, recovery_attempts=1)

    assert Workflow.objects.hand_over(rows.get().pk, 7)

    row = rows.get()
    assert (row.status, row.stalls, row.recovery_attempts) == (Status.ENQUEUED, 3, 1)


def test_what_a_leaving_worker_puts_back_is_not_suspected_and_has_a_new_claim():
    rows = held()

    assert Workflow.objects.take_away(rows.get().worker_id) == 1

    row = rows.get()
    assert (row.status, row.claim, row.worker_id) == (Status.ENQUEUED, 8, None)
    assert (row.stalls, row.recovery_attempts) == (0, 0)


def test_a_suspect_is_taken_by_nobody_who_does_not_ask_for_it():
    rows = held(stalls=2)
    rows.update(status=Status.ENQUEUED)
    row, worker_id = rows.get(), uuid.uuid4()
    pairs = [(row.name, row.version)]

    taken = Workflow.objects.claim(worker_id, pairs, limit=5)
    asked_for = Workflow.objects.claim_suspect(worker_id, row.pk, pairs)

    assert (taken, [claimed.id for claimed in asked_for]) == ([], [row.pk])
