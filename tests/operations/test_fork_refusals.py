"""Ids of forks, and forks that cannot be."""

import pytest

import django_durable as durable
from django_durable.exceptions import (
    ForkImpossible,
    InvalidTransition,
    InvalidWorkflowId,
    WorkflowConflict,
)
from django_durable.models import Step, Workflow
from tests.operations import workflows
from tests.operations.workflows import ran

pytestmark = pytest.mark.django_db


def test_a_given_id_is_an_idempotency_key():
    workflow = ran(workflows.letters)

    first = durable.fork_workflow("w", 2, new_workflow_id="again")
    second = durable.fork_workflow("w", 2, new_workflow_id="again")
    with durable.SetWorkflowID("again"):
        third = durable.fork_workflow("w", 2)

    assert [each.workflow_id for each in (first, second, third)] == ["again"] * 3
    assert [each.created for each in (first, second, third)] == [True, False, False]
    assert workflow.fork(3, workflow_id="again").pk == "again"
    assert Workflow.objects.count() == 2


@pytest.mark.parametrize("taken", ["w", "foreign"])
def test_an_id_of_another_workflow_is_refused(taken):
    workflow = ran(workflows.letters)
    workflows.letters.using(workflow_id="foreign").start()

    with pytest.raises(WorkflowConflict, match="copy of w"):
        workflow.fork(2, workflow_id=taken)

    assert Step.objects.exclude(workflow="w").count() == 0
    assert Workflow.objects.count() == 2


@pytest.mark.parametrize(
    "place",
    [
        *[(number, "") for number in (-1, 0, 5, 10**9, 10**30)],
        (1, "9"),
        (2, "no such"),
        (1, "\0"),
        (3, "1"),
    ],
)
def test_a_fork_from_a_step_that_was_not_reached_is_refused(place):
    from_step, branch = place
    workflow = ran(workflows.side_by_side)
    before = Workflow.objects.count(), Step.objects.count()

    with pytest.raises(ForkImpossible) as refusal:
        workflow.fork(from_step, branch=branch)

    assert isinstance(refusal.value, InvalidTransition)
    assert refusal.value.workflow_id == "w"
    assert (refusal.value.from_step, refusal.value.branch) == (from_step, branch)
    assert (Workflow.objects.count(), Step.objects.count()) == before


@pytest.mark.once
@pytest.mark.parametrize("from_step", [None, "2", 2.0, True])
def test_a_step_is_named_by_its_number(from_step):
    with pytest.raises(TypeError, match="from_step"):
        ran(workflows.letters).fork(from_step)


@pytest.mark.once
@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"workflow_id": "a/b"}, InvalidWorkflowId),
        ({"workflow_id": ""}, InvalidWorkflowId),
        ({"queue_name": ""}, ValueError),
        ({"queue_name": 5}, TypeError),
        ({"version": " "}, ValueError),
        ({"version": 5}, TypeError),
    ],
)
def test_what_a_fork_cannot_be_is_refused(options, error):
    with pytest.raises(error):
        ran(workflows.letters).fork(2, **options)

    assert Workflow.objects.count() == 1
