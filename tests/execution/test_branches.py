"""Concurrent lines of a workflow have names that every replay finds again."""

import asyncio
import threading

import pytest

import django_durable as durable
from tests import workflows
from tests.models import Entry
from tests.running import COLD, PATIENCE, in_loop, result_of, row_of, steps_of, worker
from tests.workflows import calls

pytestmark = pytest.mark.django_db(transaction=True)

# Which of two branches goes first: the other's first step waits for its second.
order = {"first": "a"}
has_finished = {"a": threading.Event(), "b": threading.Event()}


@pytest.fixture(autouse=True)
def fresh_order():
    for event in has_finished.values():
        event.clear()


def take_turn(name, number):
    """Let one branch finish both of its steps before the other's first."""
    calls.append((name, number))
    other = "b" if name == "a" else "a"
    if name != order["first"] and number == 1:
        assert has_finished[other].wait(PATIENCE)
    if number == 2:
        has_finished[name].set()
    return f"{name}{number}"


@durable.step("async turn")
async def aturn(name, number):
    return await asyncio.to_thread(take_turn, name, number)


async def two_turns(name):
    return [await aturn(name, 1), await aturn(name, 2)]


@durable.workflow
async def gathered():
    found = await asyncio.gather(two_turns("a"), two_turns("b"))
    await durable.asleep(0.1)
    return [*found, await workflows.aadd(1, 2)]


@durable.workflow
async def in_a_task_group():
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(two_turns(name)) for name in "ab"]
    await durable.asleep(0.1)
    return [*(task.result() for task in tasks), await workflows.aadd(1, 2)]


@durable.workflow
async def in_tasks():
    tasks = [asyncio.create_task(two_turns(name)) for name in "ab"]
    found = [await task for task in tasks]
    await durable.asleep(0.1)
    return [*found, await workflows.aadd(1, 2)]


@durable.workflow
async def sleep_in_branches():
    async def nap(name, seconds):
        before = await workflows.aadd(name, "1")
        await durable.asleep(seconds)
        return [before, await workflows.aadd(name, "2")]

    return await asyncio.gather(nap("a", 0.01), nap("b", 0.05))


@durable.workflow
async def branches_of_branches():
    async def inner(number):
        return await workflows.aadd(number, 0)

    async def outer(number):
        found = await asyncio.gather(inner(number), inner(number + 1))
        return [*found, await workflows.aadd(number, 100)]

    result = await asyncio.gather(outer(1), outer(5))
    await durable.asleep(0.1)
    return result


@durable.workflow
async def transactions_in_threads(keys):
    for key in keys:
        await asyncio.to_thread(workflows.enter, key)
    await durable.asleep(0.1)
    await asyncio.gather(*(workflows.enter.acall(f"{key}2") for key in keys))
    return await asyncio.to_thread(workflows.add, 1, 2)


TWO_TURNS = [gathered, in_a_task_group, in_tasks]


@pytest.mark.parametrize("first", ["a", "b"])
@pytest.mark.parametrize("definition", TWO_TURNS, ids=lambda each: each.__name__)
def test_two_branches_replay_right_whatever_order_they_ran_in(
    settings, definition, first
):
    settings.DURABLE = COLD
    order["first"] = first

    with worker():
        handle = definition.start()
        result = result_of(handle)

    assert result == [["a1", "a2"], ["b1", "b2"], 3]
    assert sorted(calls) == [("a", 1), ("a", 2), ("aadd", 1, 2), ("b", 1), ("b", 2)]
    assert row_of(handle).claim == 2
    assert steps_of(handle) == [
        ("", 1, "sleep"),
        ("", 2, "aadd"),
        ("1", 1, "async turn"),
        ("1", 2, "async turn"),
        ("2", 1, "async turn"),
        ("2", 2, "async turn"),
    ]


def test_branches_sleep_by_themselves(settings):
    settings.DURABLE = COLD

    with worker():
        result = result_of(sleep_in_branches.start())

    assert result == [["a1", "a2"], ["b1", "b2"]]
    assert len(calls) == 4


def test_branches_have_branches(settings):
    settings.DURABLE = COLD

    with worker():
        handle = branches_of_branches.start()
        result = result_of(handle)

    assert result == [[1, 2, 101], [5, 6, 105]]
    assert len(calls) == 6
    names = [branch for branch, _, name in steps_of(handle) if name == "aadd"]
    assert names == ["1", "1.1", "1.2", "2", "2.1", "2.2"]


def test_transactions_run_in_threads_of_an_async_workflow(settings):
    settings.DURABLE = COLD

    with worker():
        assert result_of(transactions_in_threads.start(["a", "b"])) == 3

    keys = sorted(Entry.objects.values_list("key", flat=True))
    assert keys == ["a", "a2", "b", "b2"]


def test_a_direct_call_gathers_too():
    order["first"] = "a"

    assert in_loop(gathered) == [["a1", "a2"], ["b1", "b2"], 3]
