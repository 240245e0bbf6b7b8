"""Whatever a step raises is its outcome; the worker lives on."""

import asyncio

import pytest

import django_durable as durable
from django_durable.exceptions import StepFailed
from django_durable.models import Step, Workflow
from tests import workflows
from tests.running import COLD, result_of, row_of, wait_for_status, worker

pytestmark = pytest.mark.django_db(transaction=True)


class Mute(Exception):
    """Nobody can look at it."""

    def __str__(self):
        raise RuntimeError("no str")

    __repr__ = __str__


class WithHandle(Exception):
    """Cannot be stored with what it holds."""

    def __init__(self, message, handle):
        super().__init__(message, handle)
        self.handle = handle


KINDS = {
    "SystemExit": lambda: SystemExit(3),
    "KeyboardInterrupt": KeyboardInterrupt,
    "BaseException": lambda: BaseException("base"),
    "BaseExceptionGroup": lambda: BaseExceptionGroup("group", [KeyboardInterrupt()]),
    "ExceptionGroup": lambda: ExceptionGroup("group", [ValueError("a"), OSError(2)]),
    "StopAsyncIteration": StopAsyncIteration,
    "MemoryError": MemoryError,
    "RecursionError": lambda: RecursionError("deep"),
    "Mute": Mute,
}

# What each execution of a workflow saw: the first run's and the replays'.
seen = []


@pytest.fixture(autouse=True)
def nothing_seen():
    seen.clear()


@durable.step
def explode(kind):
    raise KINDS[kind]()


@durable.step
async def aexplode(kind):
    raise KINDS[kind]()


@durable.transaction
def explode_atomically(kind):
    raise KINDS[kind]()


@durable.step
def explode_with_handle():
    raise WithHandle("it broke", object())


@durable.step
def stop_iterating():
    raise StopIteration("done")


def note(error):
    """Keep what an execution saw; whatever the error is, say it in words."""
    told = "?" if isinstance(error, Mute) else str(error)
    seen.append((type(error), told))
    return type(error).__name__


@durable.workflow
def survive(kind, atomically=False):
    try:
        explode_atomically(kind) if atomically else explode(kind)
    except BaseException as error:
        name = note(error)
    durable.recv()
    return name


@durable.workflow
async def asurvive(kind):
    try:
        await aexplode(kind)
    except BaseException as error:
        name = note(error)
    await durable.arecv()
    return name


@durable.workflow
def survive_what_cannot_be_stored():
    try:
        explode_with_handle()
    except StepFailed as error:
        note(error)
        durable.sleep(0.1)
        return [error.step_name, error.error_type, error.error_message]


@durable.workflow
def survive_stop_iteration():
    try:
        stop_iterating()
    except Exception as error:
        note(error)
    durable.sleep(0.1)
    return "survived"


@durable.workflow
def end_with(kind):
    explode(kind)


@durable.workflow
def end_by_itself_with(kind):
    raise KINDS[kind]()


@durable.workflow
async def aend_by_itself_with(kind):
    raise KINDS[kind]()


@durable.workflow
async def gather_with(kind):
    await asyncio.gather(aexplode(kind), workflows.aadd(1, 2))


def starts_of(manner):
    if manner == "async":
        return {kind: asurvive.start(kind) for kind in KINDS}
    return {kind: survive.start(kind, manner == "transaction") for kind in KINDS}


@pytest.mark.parametrize("manner", ["step", "transaction", "async"])
def test_what_a_step_raises_is_the_same_at_first_and_at_replay(settings, manner):
    settings.DURABLE = COLD

    with worker():
        handles = starts_of(manner)
        for handle in handles.values():  # Each leaves memory, and is replayed.
            wait_for_status(handle, Workflow.Status.WAITING)
            durable.send(handle.workflow_id, "go on")
        results = {kind: result_of(handle) for kind, handle in handles.items()}

    assert results == {kind: kind for kind in KINDS}
    assert len(seen) == 2 * len(KINDS)
    assert {each: seen.count(each) for each in seen} == dict.fromkeys(seen, 2)


@pytest.mark.parametrize(
    "definition", [end_with, end_by_itself_with, aend_by_itself_with, gather_with]
)
def test_a_worker_survives_whatever_a_workflow_ends_with(definition):
    kinds = ["SystemExit", "KeyboardInterrupt", "Mute"]

    with worker(concurrency=1, async_concurrency=1):
        handles = [definition.start(kind) for kind in kinds]
        rows = [wait_for_status(handle, Workflow.Status.ERROR) for handle in handles]

        assert result_of(workflows.total.start(1, 2)) == 3
        assert result_of(workflows.atotal.start(1, 2)) == 3

    assert all(kind in row.error for kind, row in zip(kinds, rows, strict=True))
    assert {row_of(handle).recovery_attempts for handle in handles} == {0}


def test_what_cannot_be_stored_is_step_failed_on_the_first_run_too(settings):
    settings.DURABLE = COLD

    with worker():
        handle = survive_what_cannot_be_stored.start()
        name, error_type, message = result_of(handle)

    assert seen[0] == seen[1]
    assert seen[0][0] is StepFailed
    assert name.endswith("explode_with_handle")
    assert error_type == f"{__name__}:WithHandle"
    assert "it broke" in message


def test_stop_iteration_does_not_end_the_workflow_in_silence(settings):
    settings.DURABLE = COLD

    with worker():
        assert result_of(survive_stop_iteration.start()) == "survived"

    assert "StopIteration" in Step.objects.get(step_id=1).error
    assert len(seen) == 2
    assert seen[0] == seen[1]


def test_a_step_may_close_the_database_connection(settings):
    from django.db import connection

    @durable.workflow
    def careless():
        durable.run_step(lambda: workflows.calls.append(connection.close()))
        return workflows.add(1, 2)

    with worker():
        assert result_of(careless.start()) == 3
