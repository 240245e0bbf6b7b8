"""gather(): the branches of sync workflows."""

import threading

import pytest

import django_durable as durable
from tests import workflows
from tests.running import COLD, PATIENCE, result_of, steps_of, worker
from tests.workflows import calls

pytestmark = pytest.mark.django_db(transaction=True)


@durable.workflow
def gathered_in_threads():
    first = durable.gather(*(workflows.add.bind(n, 1) for n in range(4)))
    durable.sleep(0.1)
    second = durable.gather(workflows.add.bind(*first[:2]), workflows.total.bind(1, 2))
    durable.sleep(0.1)
    return [first, second]


@durable.workflow
def gather_failures():
    try:
        durable.gather(
            workflows.fail.bind("first"),
            workflows.add.bind(1, 2),
            workflows.fail.bind("second"),
        )
    except ValueError as error:
        durable.sleep(0.1)
        return str(error)


def test_bound_calls_of_a_sync_workflow_run_side_by_side(settings):
    settings.DURABLE = COLD
    # Each would wait for the other if they ran one after the other.
    barrier = threading.Barrier(2)

    @durable.step("meet")
    def meet(name):
        barrier.wait(PATIENCE)
        return name

    @durable.workflow
    def meeting():
        return durable.gather(meet.bind("a"), meet.bind("b"))

    with worker():
        assert result_of(meeting.start()) == ["a", "b"]


@pytest.mark.parametrize("is_direct", [False, True])
def test_gathered_results_come_in_the_order_of_the_arguments(settings, is_direct):
    settings.DURABLE = COLD

    with worker():
        call = gathered_in_threads if is_direct else gathered_in_threads.start
        found = call()
        result = found if is_direct else result_of(found)

    assert result == [[1, 2, 3, 4], [3, 3]]
    assert len(calls) == 7


def test_the_branches_of_a_sync_workflow_are_named_by_the_order_of_the_arguments():
    with worker():
        handle = gathered_in_threads.start()
        result_of(handle)

    names = [(branch, number) for branch, number, name in steps_of(handle) if branch]
    assert names == [(str(n), 1) for n in range(1, 7)]


def test_gather_lets_all_end_and_raises_the_first_error(settings):
    settings.DURABLE = COLD

    with worker():
        assert result_of(gather_failures.start()) == "first"

    assert sorted(calls, key=str) == [
        ("add", 1, 2),
        ("fail", "first"),
        ("fail", "second"),
    ]


def test_gather_takes_bound_calls_only():
    with pytest.raises(TypeError, match=r"\.bind"):
        durable.gather(workflows.add(1, 2))


def test_gather_outside_of_a_workflow_makes_plain_calls():
    assert durable.gather(workflows.add.bind(1, 2), workflows.add.bind(3, 4)) == [3, 7]
