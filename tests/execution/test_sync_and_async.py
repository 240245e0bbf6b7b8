"""Which spelling fits where, and what the wrong one says."""

import asyncio
from collections.abc import Awaitable

import pytest
from django.core.exceptions import SynchronousOnlyOperation

import django_durable as durable
from django_durable.exceptions import NotInWorkflow
from django_durable.models import Step, Workflow
from tests import workflows
from tests.running import COLD, in_loop, result_of, steps_of, worker
from tests.workflows import calls

pytestmark = pytest.mark.django_db(transaction=True)

SYNC_CALLS = {
    "start": ("astart", lambda handle: workflows.total.start(1)),
    "total": ("acall", lambda handle: workflows.total(1)),
    "start_workflow": (
        "astart_workflow",
        lambda handle: durable.start_workflow(workflows.total.name + "?", 1),
    ),
    "get_status": ("aget_status", lambda handle: handle.get_status()),
    "get_result": ("aget_result", lambda handle: handle.get_result(timeout=1)),
    "retrieve_workflow": (
        "aretrieve_workflow",
        lambda handle: durable.retrieve_workflow("a"),
    ),
    "cancel_workflow": (
        "acancel_workflow",
        lambda handle: durable.cancel_workflow("a"),
    ),
    "resume_workflow": (
        "aresume_workflow",
        lambda handle: durable.resume_workflow("a"),
    ),
}
IN_BODY = {
    "sleep": ("asleep", lambda: durable.sleep(1)),
    "sleep_until": ("asleep_until", lambda: durable.sleep_until(None)),
    "now": ("anow", lambda: durable.now()),
    "uuid4": ("auuid4", lambda: durable.uuid4()),
    "random": ("arandom", lambda: durable.random()),
    "gather": ("asyncio.gather", lambda: durable.gather()),
    "start": ("astart", lambda: workflows.total.start(1)),
}


@durable.workflow
async def call_sync(name):
    try:
        IN_BODY[name][1]()
    except SynchronousOnlyOperation as error:
        return str(error)


@durable.workflow
async def call_steps():
    called = workflows.add(1, 2)
    is_awaitable = isinstance(called, Awaitable)
    first = await called
    second = await workflows.add.acall(3, 4)
    third = await workflows.aadd.acall(5, 6)
    await durable.asleep(0.1)
    return [is_awaitable, first, second, third]


@durable.workflow
async def call_children():
    first = await workflows.total(1, 2)
    second = await workflows.atotal(3, 4)
    third = await workflows.total.acall(5, 6)
    handle = await workflows.total.astart(7, 8)
    return [first, second, third, await handle.aget_result()]


@durable.workflow
def call_an_async_step():
    return workflows.aadd(1, 2)


@durable.workflow
def call_an_async_child():
    return workflows.atotal(1, 2)


@durable.workflow
async def work_in_a_thread():
    def sync_code():
        first = workflows.add(1, 2)
        return [first, workflows.total(first, 4), type(durable.now()).__name__]

    return await asyncio.to_thread(sync_code)


@durable.workflow
async def make_here_await_there():
    """The coroutine is made in one branch and awaited in another."""
    calls_made = [workflows.aadd(n, n) for n in (1, 2)]
    result = await asyncio.gather(*calls_made)
    await durable.asleep(0.1)
    return result


@pytest.mark.django_db
@pytest.mark.parametrize("name", SYNC_CALLS)
def test_a_sync_call_under_a_running_loop_names_its_twin(name):
    twin, call = SYNC_CALLS[name]
    handle = durable.WorkflowHandle("a")

    async def under_a_loop():
        call(handle)

    with pytest.raises(SynchronousOnlyOperation, match=rf"{name}\(\).*\b{twin}\("):
        in_loop(under_a_loop)

    assert not Workflow.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("name", IN_BODY)
def test_a_sync_call_in_an_async_workflow_names_its_twin(name):
    twin, _ = IN_BODY[name]

    message = in_loop(call_sync, name)

    assert message.startswith(f"{name}()")
    assert f"{twin}(" in message
    assert not Step.objects.exists()


def test_a_sync_step_called_from_an_async_workflow_is_awaited(settings):
    settings.DURABLE = COLD

    with worker():
        assert result_of(call_steps.start()) == [True, 3, 7, 11]

    assert len(calls) == 3


def test_children_of_both_kinds_are_awaited_in_an_async_workflow():
    with worker():
        assert result_of(call_children.start()) == [3, 7, 11, 15]


def test_an_async_step_in_a_sync_workflow_is_an_error_that_says_what_to_do():
    with pytest.raises(TypeError, match=r"aadd is async.*workflow an async def"):
        call_an_async_step()


def test_an_async_child_of_a_sync_workflow_is_an_error_that_says_what_to_do():
    with pytest.raises(TypeError, match=r"atotal is async.*start it"):
        call_an_async_child()


def test_an_error_of_that_kind_leaves_no_child_behind():
    with pytest.raises(TypeError):
        call_an_async_child()

    assert not Workflow.objects.filter(name=workflows.atotal.name).active().exists()


def test_sync_code_in_a_thread_of_an_async_workflow_is_durable(settings):
    settings.DURABLE = COLD

    with worker():
        handle = work_in_a_thread.start()
        assert result_of(handle) == [3, 7, "datetime"]

    assert [name for _, _, name in steps_of(handle)] == ["add", "total", "now"]


def test_a_coroutine_belongs_to_the_branch_that_awaits_it(settings):
    settings.DURABLE = COLD

    with worker():
        handle = make_here_await_there.start()
        assert result_of(handle) == [2, 4]

    assert [branch for branch, _, name in steps_of(handle)] == ["", "1", "2"]


@pytest.mark.parametrize(
    "call",
    [
        lambda: durable.sleep(1),
        lambda: in_loop(durable.asleep, 1),
        lambda: in_loop(durable.asleep_until, None),
    ],
)
def test_sleeping_needs_a_workflow(call):
    with pytest.raises(NotInWorkflow, match="sleep"):
        call()


def test_a_step_cannot_sleep_durably():
    @durable.workflow
    def sleepy():
        durable.run_step(lambda: durable.sleep(1), step_name="nap")

    with pytest.raises(NotInWorkflow, match="sleep"):
        sleepy()


def test_an_async_direct_call_returns_a_coroutine():
    coroutine = workflows.atotal(1, 2)

    async def main():
        return await coroutine

    assert in_loop(main) == 3
