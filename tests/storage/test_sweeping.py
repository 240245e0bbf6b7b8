"""The sweep repairs wake-ups that were lost, and disturbs nothing else."""

import pytest

from django_durable.models import Wait, Workflow
from django_durable.models.targets import TIMER, result_target
from django_durable.models.wait import WaitRow
from tests import workflows

pytestmark = pytest.mark.django_db

Status = Workflow.Status


def waiting(*targets):
    """Return a workflow that has left memory to wait for ``targets``."""
    rows = Workflow.objects.filter(pk=workflows.total.start(1).workflow_id)
    rows.update(status=Status.WAITING)
    Wait.objects.keep(rows.get().pk, [WaitRow("", 1, target) for target in targets])
    return rows


def ended(status):
    """Return the target of a workflow of which nobody was told that it ended."""
    handle = workflows.total.start(1)
    Workflow.objects.filter(pk=handle.workflow_id).update(status=status)
    return result_target(handle.workflow_id)


@pytest.mark.parametrize("status", [Status.SUCCESS, Status.ERROR, Status.CANCELLED])
def test_what_waits_for_a_workflow_that_has_ended_is_woken(status):
    rows = waiting(ended(status))

    assert Wait.objects.wake_met() == 1

    assert rows.get().status == Status.ENQUEUED


@pytest.mark.once
def test_more_waits_than_one_statement_takes_values_are_kept():
    targets = [result_target(f"other-{number}") for number in range(30_000)]
    rows = waiting(*targets)
    more = [WaitRow("", 1, target) for target in (*targets, result_target("one more"))]

    Wait.objects.keep(rows.get().pk, more)

    assert Wait.objects.count() == len(more)


def test_what_waits_for_nothing_is_woken():
    rows = waiting()

    assert Workflow.objects.wake_forgotten() == 1

    assert rows.get().status == Status.ENQUEUED


def test_what_waits_for_something_that_may_come_is_left_alone():
    rows = waiting(ended(Status.PAUSED), TIMER)

    assert Wait.objects.wake_met() + Workflow.objects.wake_forgotten() == 0

    assert rows.get().status == Status.WAITING


def test_what_does_not_wait_any_more_is_left_alone():
    rows = waiting(ended(Status.SUCCESS))
    rows.update(status=Status.CANCELLED)

    assert Wait.objects.wake_met() + Workflow.objects.wake_forgotten() == 0

    assert rows.get().status == Status.CANCELLED
