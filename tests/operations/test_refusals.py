"""Each operation on a workflow of each status: what happens, or what refuses it."""

import pytest

import django_durable as durable
from django_durable import clock
from django_durable.exceptions import InvalidTransition, WorkflowNotFound
from django_durable.models import Step, Workflow
from django_durable.testing import run_until_idle
from tests.operations import workflows

pytestmark = pytest.mark.django_db

Status = Workflow.Status
ACTIVE = {Status.ENQUEUED, Status.PENDING, Status.WAITING, Status.PAUSED}

# Operation -> the statuses that allow it. (A delayed or stranded one resumes too.)
ALLOWED = {
    "cancel": ACTIVE,
    "resume": {
        Status.CANCELLED,
        Status.PAUSED,
        Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED,
    },
    "restart": set(Status),
    "fork": set(Status),
    "delete": set(Status) - ACTIVE,
}
ARGUMENTS = {"fork": (2,)}
every_operation = pytest.mark.parametrize("operation", ALLOWED)
every_status = pytest.mark.parametrize("status", Status)


@pytest.fixture
def workflow(status):
    """A workflow that has done two steps of three, in a status."""
    workflows.letters.using(workflow_id="w").start()
    run_until_idle()
    Step.objects.filter(workflow="w", step_id=3).delete()
    ended = None if status in ACTIVE else clock.now()
    Workflow.objects.update(status=status, completed_at=ended)
    return Workflow.objects.get()


def everything():
    return [
        list(model.objects.order_by("pk").values_list()) for model in (Workflow, Step)
    ]


def assert_done(operation, status, before):
    """Check what an operation that took has done."""
    rows = Workflow.objects.in_bulk()
    if operation == "delete":
        assert not rows
        assert not Step.objects.exists()
    elif operation in ("restart", "fork"):
        old = rows.pop("w")
        (new,) = rows.values()
        assert (new.status, new.forked_from_id) == (Status.ENQUEUED, "w")
        assert new.steps.count() == (1 if operation == "fork" else 0)
        assert old.status == status
    else:
        expected = {"cancel": Status.CANCELLED, "resume": Status.ENQUEUED}
        assert rows["w"].status == expected[operation]


@every_status
@every_operation
def test_a_workflow_in_each_status(workflow, operation, status):
    before = everything()
    act = getattr(workflow, operation)

    if status in ALLOWED[operation]:
        act(*ARGUMENTS.get(operation, ()))
        assert_done(operation, status, before)
    elif operation == "cancel":
        assert act() is False
        assert everything() == before
    else:
        with pytest.raises(InvalidTransition) as refusal:
            act()
        assert refusal.value.status == status
        assert refusal.value.action == operation
        assert everything() == before


@every_status
@every_operation
def test_a_queryset_with_one_in_each_status(workflow, operation, status):
    before = everything()

    took = getattr(Workflow.objects.all(), operation)(*ARGUMENTS.get(operation, ()))

    took = took[1].get("django_durable.Workflow", 0) if operation == "delete" else took
    assert took == (status in ALLOWED[operation])
    if took:
        assert_done(operation, status, before)
    else:
        assert everything() == before


@every_status
@every_operation
def test_a_function_with_one_in_each_status(workflow, operation, status):
    before = everything()
    act = getattr(durable, f"{operation}_workflow")

    if status in ALLOWED[operation]:
        act("w", *ARGUMENTS.get(operation, ()))
        assert_done(operation, status, before)
    elif operation == "cancel":
        assert act("w") is False
        assert everything() == before
    else:
        with pytest.raises(InvalidTransition):
            act("w")
        assert everything() == before


@pytest.mark.parametrize("unknown", ["nobody", "", "a\0b", "\ud800", "w/1", 5])
@every_operation
def test_an_unknown_workflow_is_not_found(operation, unknown):
    with pytest.raises(WorkflowNotFound):
        getattr(durable, f"{operation}_workflow")(
            unknown, *ARGUMENTS.get(operation, ())
        )

    assert not Workflow.objects.exists()


@every_operation
@pytest.mark.parametrize("status", [Status.CANCELLED])
def test_one_that_was_deleted_meanwhile_is_not_found(workflow, operation):
    Workflow.objects.all().delete()

    with pytest.raises(WorkflowNotFound):
        getattr(workflow, operation)(*ARGUMENTS.get(operation, ()))


@pytest.mark.parametrize("operation", ["cancel", "resume", "restart"])
def test_a_queryset_goes_through_its_rows_in_batches(monkeypatch, operation):
    monkeypatch.setattr("django_durable.models.bulk.BATCH", 2)
    status = Status.PAUSED
    for number in range(5):
        workflows.letters.using(workflow_id=f"w{number}").start()
    Workflow.objects.update(status=status)

    assert getattr(Workflow.objects.order_by("-priority"), operation)() == 5
    assert Workflow.objects.count() == (10 if operation == "restart" else 5)


def test_a_queryset_forks_those_that_have_come_so_far():
    workflows.letters.using(workflow_id="short").start("a")
    workflows.letters.using(workflow_id="long").start("abc")
    run_until_idle()

    assert Workflow.objects.all().fork(4, queue_name="other") == 1
    (fork,) = Workflow.objects.exclude(forked_from=None)
    assert (fork.forked_from_id, fork.queue_name) == ("long", "other")
