"""Each operation on a workflow of each status: what happens, or what refuses it."""

from typing import Any

import pytest

import django_durable as durable
from django_durable import clock
from django_durable.exceptions import InvalidTransition, WorkflowNotFound
from django_durable.models import Step, Workflow
from django_durable.models.status import ACTIVE
from django_durable.testing import run_until_idle
from tests.operations import workflows

pytestmark = pytest.mark.django_db

Status = Workflow.Status

# Operation -> the statuses that allow it. (A delayed or stranded one resumes too.)
ALLOWED = {
    "cancel": set(ACTIVE),
    "resume": {
        Status.CANCELLED,
        Status.PAUSED,
        Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED,
    },
    "restart": set(Status),
    "fork": set(Status),
    "delete": set(Status) - set(ACTIVE),
}
ARGUMENTS = {"fork": (2,)}
every_operation = pytest.mark.parametrize("operation", ALLOWED)


@pytest.fixture
def one_of_each():
    """A workflow in every status, with the status as its id and one recorded step."""
    now = clock.now()
    row: dict[str, Any] = {"name": workflows.letters.name, "inputs": "json:[{}]"}
    version = workflows.letters.version
    row |= {"version": version, "run_after": now, "created_at": now, "changed_at": now}
    step: dict[str, Any] = {"step_id": 1, "name": "note", "kind": "step", "claim": 1}
    step |= {"started_at": now, "completed_at": now}
    Workflow.objects.bulk_create(
        Workflow(
            id=status.value,
            status=status,
            completed_at=None if status in ACTIVE else now,
            **row,
        )
        for status in Status
    )
    Step.objects.bulk_create(Step(workflow_id=each.value, **step) for each in Status)


def all_of(pk):
    """Return everything of one workflow, copies included."""
    rows = Workflow.objects.filter(pk=pk) | Workflow.objects.filter(forked_from=pk)
    steps = Step.objects.filter(workflow__in=rows)
    return [list(some.order_by("pk").values_list()) for some in (rows, steps)]


def was_done(operation, status):
    """Tell whether an operation has done what it is for, to one of this status."""
    rows = {row.pk: row for row in Workflow.objects.filter(pk=status.value)}
    copies = list(Workflow.objects.filter(forked_from=status.value))
    if operation == "delete":
        return not rows and not Step.objects.filter(workflow=status.value).exists()
    if operation in ("restart", "fork"):
        (copy,) = copies
        kept = 1 if operation == "fork" else 0
        assert rows[status.value].status == status
        return (copy.status, copy.steps.count()) == (Status.ENQUEUED, kept)
    expected = {"cancel": Status.CANCELLED, "resume": Status.ENQUEUED}
    return rows[status.value].status == expected[operation]


def method(operation, pk):
    return getattr(Workflow.objects.get(pk=pk), operation)


def function(operation, pk):
    def act(*args):
        return getattr(durable, f"{operation}_workflow")(pk, *args)

    return act


@pytest.mark.parametrize("form", [method, function])
@every_operation
def test_a_workflow_in_each_status(one_of_each, operation, form):
    arguments = ARGUMENTS.get(operation, ())

    for status in Status:
        before, act = all_of(status.value), form(operation, status.value)
        if status in ALLOWED[operation]:
            assert act(*arguments) is not False
            assert was_done(operation, status)
        elif operation == "cancel":
            assert act() is False
            assert all_of(status.value) == before
        else:
            with pytest.raises(InvalidTransition) as refusal:
                act(*arguments)
            assert (refusal.value.status, refusal.value.action) == (status, operation)
            assert all_of(status.value) == before


@every_operation
def test_a_queryset_passes_over_what_refuses(one_of_each, operation):
    before = {status: all_of(status.value) for status in Status}

    took = getattr(Workflow.objects.all(), operation)(*ARGUMENTS.get(operation, ()))

    took = took[1]["django_durable.Workflow"] if operation == "delete" else took
    assert took == len(ALLOWED[operation])
    for status in Status:
        if status in ALLOWED[operation]:
            assert was_done(operation, status)
        else:
            assert all_of(status.value) == before[status]


@every_operation
def test_an_unknown_workflow_is_not_found(operation):
    for unknown in ("nobody", "", "a\0b", "\ud800", "w/1", 5):
        with pytest.raises(WorkflowNotFound):
            function(operation, unknown)(*ARGUMENTS.get(operation, ()))

    assert not Workflow.objects.exists()


@every_operation
def test_one_that_was_deleted_meanwhile_is_not_found(one_of_each, operation):
    act = method(operation, "CANCELLED")
    Workflow.objects.all().delete()

    with pytest.raises(WorkflowNotFound):
        act(*ARGUMENTS.get(operation, ()))


@pytest.mark.parametrize("operation", ["cancel", "resume", "restart"])
def test_a_queryset_goes_through_its_rows_in_batches(monkeypatch, operation):
    monkeypatch.setattr("django_durable.models.bulk.BATCH", 2)
    for number in range(5):  # Before what copies get: all that begins with "019".
        workflows.letters.using(workflow_id=f"00{number}").start()
    Workflow.objects.update(status=Status.PAUSED)

    assert getattr(Workflow.objects.order_by("-priority"), operation)() == 5
    assert Workflow.objects.count() == (10 if operation == "restart" else 5)


def test_a_queryset_forks_those_that_have_come_so_far():
    workflows.letters.using(workflow_id="short").start("a")
    workflows.letters.using(workflow_id="long").start("abc")
    run_until_idle()

    assert Workflow.objects.all().fork(4, queue_name="other") == 1
    (fork,) = Workflow.objects.exclude(forked_from=None)
    assert (fork.forked_from_id, fork.queue_name) == ("long", "other")
