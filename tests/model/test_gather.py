"""Parallel branches: what asyncio does to step ids and to siblings.

A step is found again by its branch and its number there (the key of `Step`);
`Suspend` is raised at the root, never inside a branch (I5).
"""

import asyncio
from collections import Counter


async def pause(turns):
    """Let other tasks run, as awaiting a slow call would."""
    for _ in range(turns):
        await asyncio.sleep(0)


# Step ids.


class CallOrder:
    """Number the steps in the order in which they are called."""

    def __init__(self):
        self.calls = 0

    def next_id(self, branch):
        self.calls += 1
        return self.calls


class BranchOrder:
    """Number the steps of each branch by themselves."""

    def __init__(self):
        self.calls = Counter()

    def next_id(self, branch):
        self.calls[branch] += 1
        return branch, self.calls[branch]


async def run_two_branches(journal, ids, *, slow=()):
    """Gather two branches of two steps each; replay what is in the journal."""

    async def step(branch, number):
        step_id = ids.next_id(branch)
        if step_id not in journal:
            await pause(10 if (branch, number) in slow else 1)
            journal[step_id] = f"{branch}{number}"
        else:
            await pause(1)
        return journal[step_id]

    async def run_branch(branch):
        return [await step(branch, 1), await step(branch, 2)]

    return await asyncio.gather(run_branch("a"), run_branch("b"))


def run_and_replay(ids_class):
    journal = {}
    first = asyncio.run(run_two_branches(journal, ids_class(), slow=[("a", 1)]))
    replay = asyncio.run(run_two_branches(journal, ids_class()))
    return first, replay


def test_ids_in_call_order_give_a_branch_the_result_of_its_sibling():
    """Step key: the function is the same, so no name mismatch shows it."""
    first, replay = run_and_replay(CallOrder)

    assert first == [["a1", "a2"], ["b1", "b2"]]
    assert replay == [["a1", "b2"], ["b1", "a2"]]


def test_ids_per_branch_give_each_branch_its_own_results():
    """Step key: (workflow, branch, step)."""
    first, replay = run_and_replay(BranchOrder)

    assert first == replay == [["a1", "a2"], ["b1", "b2"]]


# Suspending in a branch.


class Suspend(BaseException):
    """Unwind an execution; caught where the execution began."""


async def suspend_in_task_group():
    """Return what a step lives through when its sibling branch suspends."""
    log = []

    async def charge():
        try:
            await pause(10)
            log.append("charged")
        except asyncio.CancelledError:
            log.append("cancelled in mid step")
            raise

    async def receive():
        raise Suspend

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(charge())
            await pause(1)
            group.create_task(receive())
    except BaseExceptionGroup as error:
        log.append(error)
    return log


def test_suspend_inside_a_task_group_cancels_a_sibling_in_mid_step():
    """I5: why a waiting branch only awaits."""
    outcome, error = asyncio.run(suspend_in_task_group())

    assert outcome == "cancelled in mid step"
    assert [type(each) for each in error.exceptions] == [Suspend]
