"""A step is recorded once; outside of a workflow's body it is a plain call."""

from functools import partial

import pytest

import django_durable as durable
from django_durable.exceptions import SerializationError
from django_durable.models import Step, Workflow
from tests import workflows
from tests.models import Entry
from tests.running import COLD, in_loop, result_of, steps_of, worker
from tests.workflows import calls

pytestmark = pytest.mark.django_db(transaction=True)


@durable.workflow
def remind(name):
    """Two steps with a pause between them, which takes it out of memory."""
    draft = workflows.add("draft for ", name)
    durable.sleep(0.1)
    workflows.enter(draft)
    durable.sleep(0.1)
    return workflows.add("sent: ", draft)


@durable.workflow
async def aremind(name):
    draft = await workflows.aadd("draft for ", name)
    await durable.asleep(0.1)
    await workflows.enter.acall(draft)
    await durable.asleep(0.1)
    return await workflows.aadd("sent: ", draft)


@durable.workflow
def use_callables():
    first = durable.run_step(lambda: calls.append("lambda") or 1)
    second = durable.run_step(max, 3, 7, step_name="largest")
    third = durable.run_step(partial(workflows.total.func, 1))
    durable.sleep(0.1)
    return [first, second, third]


@durable.workflow
async def ause_callables():
    first = await durable.arun_step(lambda: calls.append("lambda") or 1)
    second = await durable.arun_step(workflows.aadd.func, 3, 7, step_name="sum")
    await durable.asleep(0.1)
    return [first, second]


@durable.step
def outer(number):
    return workflows.add(number, 1) + workflows.add(number, 2)


@durable.workflow
def nested(number):
    return outer(number)


@durable.step
def open_file(path):
    with open(path) as file:
        return {"files": [file]}


@durable.workflow
def read(path):
    try:
        return open_file(path)
    except SerializationError as error:
        durable.sleep(0.1)
        return error.path


@durable.transaction
def enter_something_odd(key):
    Entry.objects.create(key=key)
    return {"odd": object()}


@durable.workflow
def book_something_odd(key):
    return enter_something_odd(key)


@pytest.mark.parametrize("definition", [remind, aremind], ids=["sync", "async"])
def test_a_recorded_step_is_not_executed_again(settings, definition):
    settings.DURABLE = COLD

    with worker():
        result = result_of(definition.start("Ada"))

    assert result == "sent: draft for Ada"
    assert [call[0] for call in calls if call[0] != "enter"] == [
        workflows.add.__name__ if definition is remind else "aadd"
    ] * 2
    assert calls.count(("enter", "draft for Ada")) == 1
    assert Entry.objects.get().key == "draft for Ada"


def test_the_workflow_was_executed_anew_after_each_pause(settings):
    settings.DURABLE = COLD

    with worker():
        handle = remind.start("Ada")
        result_of(handle)

    assert Workflow.objects.get().claim == 3
    assert steps_of(handle) == [
        ("", 1, "add"),
        ("", 2, "sleep"),
        ("", 3, "enter"),
        ("", 4, "sleep"),
        ("", 5, "add"),
    ]


@pytest.mark.parametrize("definition", [use_callables, ause_callables])
def test_any_callable_can_be_recorded_as_a_step(settings, definition):
    settings.DURABLE = COLD
    expected = [1, 7, 1] if definition is use_callables else [1, 10]

    with worker():
        handle = definition.start()
        assert result_of(handle) == expected

    assert calls.count("lambda") == 1
    named = "largest" if definition is use_callables else "sum"
    assert steps_of(handle)[1] == ("", 2, named)


def test_a_step_inside_a_step_is_a_plain_call():
    assert nested(5) == 13

    assert calls == [("add", 5, 1), ("add", 5, 2)]
    assert Step.objects.get().name.endswith(".outer")


def test_steps_outside_of_a_workflow_are_plain_calls():
    assert workflows.add(1, 2) == 3
    assert in_loop(workflows.aadd, 1, 2) == 3
    assert in_loop(workflows.add.acall, 1, 2) == 3
    assert durable.run_step(max, 1, 2) == 2

    assert not Step.objects.exists()
    assert not Workflow.objects.exists()


def test_a_step_with_retries_outside_of_a_workflow_is_tried_once():
    @durable.step(max_attempts=5, interval=0)
    def failing():
        calls.append("failing")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no") as caught:
        failing()

    assert calls == ["failing"]
    assert not hasattr(caught.value, "__notes__")


def test_wrong_arguments_of_a_step_are_an_error_of_the_workflow():
    @durable.workflow
    def careless():
        return workflows.add(1, 2, 3)

    with pytest.raises(TypeError, match="positional argument"):
        careless()

    assert Workflow.objects.get().status == Workflow.Status.ERROR


def test_a_result_that_cannot_be_stored_is_the_steps_error_with_the_path(settings):
    settings.DURABLE = COLD

    with worker():
        handle = read.start(__file__)
        path = result_of(handle)

    assert path.endswith('result["files"][0]')
    assert "open_file()" in path
    recorded = Step.objects.get(workflow_id=handle.workflow_id, step_id=1)
    assert "TextIOWrapper" in recorded.error
    assert recorded.output is None


def test_a_transaction_whose_result_cannot_be_stored_leaves_nothing():
    with pytest.raises(SerializationError, match=r'result\["odd"\]'):
        book_something_odd("a")

    assert not Entry.objects.exists()
    assert Step.objects.get().error is not None


def test_bound_calls_check_their_arguments_when_they_are_bound():
    with pytest.raises(TypeError, match="missing a required argument"):
        workflows.add.bind(1)
    with pytest.raises(TypeError, match="too many"):
        workflows.add.bind(1, 2, 3)
    with pytest.raises(TypeError, match="missing a required argument: 'name'"):
        remind.bind()
