"""Resuming in another queue: what moves, when, and what refuses a name."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import django_durable as durable
from django_durable import clock
from django_durable.exceptions import InvalidTransition
from django_durable.models import Worker, Workflow
from django_durable.models.transitions import RESUMABLE
from django_durable.testing import run_until_idle
from tests.operations import workflows
from tests.running import in_loop

pytestmark = pytest.mark.django_db

Status = Workflow.Status
DEAD = Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED


def stored(status=DEAD, **changes):
    """Return a workflow in a status, with what dead letters have behind them."""
    handle = workflows.letters.using(workflow_id="w").start()
    ended = {"completed_at": clock.now(), "recovery_attempts": 9, "stalls": 11}
    Workflow.objects.update(**{"status": status, **ended, **changes})
    return Workflow.objects.get(pk=handle.workflow_id)


def register():
    """Have a worker with the code, so that nothing is stranded."""
    pair = (workflows.letters.name, workflows.letters.version)
    Worker.objects.register(Worker.Kind.WORKER, definitions=[pair])


def by_method(workflow, name):
    workflow.resume(queue_name=name)


def by_function(workflow, name):
    durable.resume_workflow(workflow.pk, queue_name=name)


def by_twin(workflow, name):
    in_loop(durable.aresume_workflow, workflow.pk, queue_name=name)


def by_queryset(workflow, name):
    Workflow.objects.filter(pk=workflow.pk).resume(queue_name=name)


every_form = pytest.mark.parametrize(
    "form", [by_method, by_function, by_twin, by_queryset]
)


@pytest.mark.parametrize("status", Status)
def test_what_can_be_resumed_moves_and_nothing_else_does(status):
    register()
    workflow = stored(status, worker=None)
    before = Workflow.objects.values().get()

    if status in RESUMABLE:
        workflow.resume(queue_name="slow")
        assert (workflow.queue_name, workflow.status) == ("slow", Status.ENQUEUED)
        assert (workflow.recovery_attempts, workflow.stalls) == (0, 0)
    else:
        with pytest.raises(InvalidTransition):
            workflow.resume(queue_name="slow")
        assert Workflow.objects.values().get() == before


@every_form
def test_every_door_moves_it(form):
    form(stored(), "slow")

    row = Workflow.objects.get()
    assert (row.queue_name, row.status) == ("slow", Status.ENQUEUED)


@pytest.mark.parametrize("changes", [{"delay": True}, {"version": "gone"}])
def test_what_is_delayed_or_stranded_moves_too(changes):
    register()
    if changes.pop("delay", False):
        changes["run_after"] = clock.now() + timedelta(hours=1)
    workflow = stored(Status.ENQUEUED, completed_at=None, **changes)

    workflow.resume(queue_name="slow")

    assert workflow.queue_name == "slow"
    assert workflow.version == workflows.letters.version
    assert workflow.run_after <= clock.now()


def test_without_a_queue_it_stays_in_its_own():
    workflow = stored(queue_name="its own")

    workflow.resume()

    assert workflow.queue_name == "its own"


def test_a_move_costs_no_further_statement():
    stored()
    with CaptureQueriesContext(connection) as staying:
        Workflow.objects.resume_one("w")
    Workflow.objects.update(status=DEAD)
    with CaptureQueriesContext(connection) as moving:
        Workflow.objects.resume_one("w", queue_name="slow")

    assert len(moving) == len(staying)


def test_children_that_go_on_along_stay_in_their_queues():
    workflow = stored(Status.CANCELLED)
    child = workflows.letters.using(workflow_id="c", queue_name="theirs").start()
    Workflow.objects.filter(pk=child.workflow_id).update(
        parent="w", cancelled_with="w", status=Status.CANCELLED
    )

    workflow.resume(queue_name="slow")

    rows = dict(Workflow.objects.values_list("pk", "queue_name"))
    assert rows == {"w": "slow", "c": "theirs"}
    assert set(Workflow.objects.values_list("status", flat=True)) == {Status.ENQUEUED}


def test_a_dead_letter_that_moved_is_executed_to_its_end():
    stored().resume(queue_name="slow")

    run_until_idle()

    row = Workflow.objects.get()
    assert (row.queue_name, row.status) == ("slow", Status.SUCCESS)


@every_form
def test_a_name_that_no_queue_can_have_is_named_and_changes_nothing(form):
    workflow = stored()
    before = Workflow.objects.values().get()

    for name in ("x" * 65, "", " ", "a\nb", "a\x00b", "a,b", 5):
        error = ValueError if isinstance(name, str) else TypeError
        with pytest.raises(error) as refusal:
            form(workflow, name)
        assert repr(name) in str(refusal.value)

    assert Workflow.objects.values().get() == before
