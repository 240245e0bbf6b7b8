"""The id is an idempotency key; ids that may not be used are refused at the call."""

import logging

import pytest
from django.db import transaction

import django_durable as durable
from django_durable.exceptions import InvalidWorkflowId, WorkflowConflict
from django_durable.models import Step, Workflow
from tests import workflows
from tests.running import in_loop, result_of, worker
from tests.workflows import calls

pytestmark = pytest.mark.django_db

BAD_IDS = {
    "empty": "",
    "blank": " \t",
    "256 characters": "x" * 256,
    "300 characters": "x" * 300,
    "slash": "a/b",
    "path": "a/../b",
    "newline": "a\nb",
    "carriage return": "a\rb",
    "NUL": "a\0b",
    "escape": "a\x1b[0m",
    "DEL": "a\x7f",
    "C1 control": "a\x85b",
    "lone surrogate": "a\ud800",
    "int": 5,
    "bytes": b"a",
    "list": ["a"],
}
GOOD_IDS = [
    "a",
    "x" * 255,
    " x ",
    "..",
    "größe-注文-🙂",
    "a:b.c?d=e&f",
    "'; DROP TABLE",
]

every_bad_id = pytest.mark.parametrize("bad", BAD_IDS.values(), ids=BAD_IDS)


def with_id(workflow_id):
    return workflows.total.using(workflow_id=workflow_id)


@durable.workflow
def start_child_with_id(workflow_id):
    return with_id(workflow_id).start(1).workflow_id


@every_bad_id
def test_a_bad_id_is_refused_before_anything_is_written(bad):
    for call in (
        lambda: with_id(bad).start(1, 2),
        lambda: with_id(bad)(1, 2),
        lambda: in_loop(with_id(bad).astart, 1, 2),
    ):
        with pytest.raises(InvalidWorkflowId) as caught:
            call()
        assert caught.value.value == bad

    assert not Workflow.objects.exists()
    assert calls == []


@every_bad_id
def test_a_bad_id_of_set_workflow_id_is_refused_before_anything_is_written(bad):
    with pytest.raises(InvalidWorkflowId), durable.SetWorkflowID(bad):
        workflows.total.start(1, 2)

    assert not Workflow.objects.exists()


def test_a_bad_id_of_a_child_is_refused_before_the_child_is_written():
    with pytest.raises(InvalidWorkflowId):
        start_child_with_id("a/b")

    assert list(Workflow.objects.values_list("name")) == [(start_child_with_id.name,)]
    assert not Step.objects.exists()


@pytest.mark.parametrize("good", GOOD_IDS)
def test_a_good_id_is_kept_as_it_is(good):
    handle = with_id(good).start(1, 2)

    assert handle.workflow_id == handle.get_workflow_id() == good
    assert Workflow.objects.get().pk == good
    assert handle.created


def test_ids_that_nobody_gives_are_new_and_sorted():
    handles = [workflows.total.start(1) for _ in range(20)]

    ids = [handle.workflow_id for handle in handles]
    assert ids == sorted(set(ids))
    assert all(handle.created for handle in handles)


def test_a_second_start_returns_the_first_and_starts_nothing(caplog):
    first = with_id("order-1").start(1, 2)

    second = with_id("order-1").start(1, 2)

    assert first == second
    assert (first.created, second.created) == (True, False)
    assert Workflow.objects.count() == 1
    assert "other arguments" not in caplog.text


def test_other_arguments_than_the_first_time_are_logged_as_a_warning(caplog):
    with_id("order-1").start(1, 2)
    before = Workflow.objects.get().inputs

    with caplog.at_level(logging.WARNING, "django_durable"):
        handle = with_id("order-1").start(1, 3)

    assert not handle.created
    assert "order-1" in caplog.text
    assert "other arguments" in caplog.text
    assert Workflow.objects.get().inputs == before


def test_one_id_for_two_functions_is_a_conflict():
    with_id("order-1").start(1, 2)

    with pytest.raises(WorkflowConflict) as caught:
        workflows.book.using(workflow_id="order-1").start("a")

    assert caught.value.existing_name == workflows.total.name
    assert caught.value.requested_name == workflows.book.name
    assert Workflow.objects.count() == 1


def test_a_direct_call_with_a_known_id_of_another_function_is_a_conflict():
    with_id("order-1")(1, 2)

    with pytest.raises(WorkflowConflict):
        workflows.book.using(workflow_id="order-1")("a")


def test_set_workflow_id_names_the_first_start_of_its_block():
    with durable.SetWorkflowID("order-1"):
        first = workflows.total.start(1)
        second = workflows.total.start(2)
    third = workflows.total.start(3)

    assert first.workflow_id == "order-1"
    assert len({first.workflow_id, second.workflow_id, third.workflow_id}) == 3


def test_set_workflow_id_names_direct_calls_and_starts_by_name():
    with durable.SetWorkflowID("order-1"):
        workflows.total(1)
    with durable.SetWorkflowID("order-2"):
        durable.start_workflow(workflows.total.name, 1)

    assert set(Workflow.objects.values_list("pk", flat=True)) == {"order-1", "order-2"}


def test_using_wins_over_set_workflow_id():
    with durable.SetWorkflowID("outer"):
        assert with_id("inner").start(1).workflow_id == "inner"


def test_blocks_of_set_workflow_id_nest():
    with durable.SetWorkflowID("outer"):
        with durable.SetWorkflowID("inner"):
            inner = workflows.total.start(1)
        outer = workflows.total.start(2)

    assert (inner.workflow_id, outer.workflow_id) == ("inner", "outer")


def test_set_workflow_id_around_a_call_does_not_name_its_children():
    with durable.SetWorkflowID("order-1"):
        workflows.book("a")

    assert set(Workflow.objects.values_list("pk", flat=True)) == {
        "order-1",
        "order-1/3",
    }


def test_a_rolled_back_start_frees_its_id():
    with transaction.atomic():
        with_id("order-1").start(1)
        transaction.set_rollback(True)

    assert with_id("order-1").start(1).created


@pytest.mark.django_db(transaction=True)
def test_a_finished_workflow_answers_a_second_start_with_its_result():
    with worker():
        assert result_of(with_id("order-1").start(1, 2)) == 3

    again = with_id("order-1").start(1, 2)

    assert not again.created
    assert again.get_result(timeout=0) == 3
    assert with_id("order-1")(1, 2) == 3
    assert len(calls) == 2
