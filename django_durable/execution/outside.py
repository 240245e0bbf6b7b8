"""What code outside of workflows asks of the engine."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connections

from django_durable import clock, conf
from django_durable.definitions.context import current_frame
from django_durable.definitions.options import StartOptions
from django_durable.definitions.registry import Definition
from django_durable.exceptions import (
    Pause,
    WaitImpossible,
    WaitTimeout,
    WorkflowNotFound,
)
from django_durable.execution import running
from django_durable.execution.direct import direct_host
from django_durable.execution.execution import Execution
from django_durable.execution.results import Result, find_result
from django_durable.execution.starting import build_row, check_existing, hold
from django_durable.models import Workflow, sql
from django_durable.models.ids import may_exist
from django_durable.models.targets import result_target
from django_durable.wakeup import Bell, hub, ring_loop

Args = Sequence[Any]
Kwargs = Mapping[str, Any]


class OutsideEngine:
    """Starts, calls and results from views, shells, steps and tests."""

    def start(
        self,
        name: str,
        definition: Definition | None,
        options: StartOptions,
        args: Args,
        kwargs: Kwargs,
    ) -> tuple[str, bool]:
        """Insert a workflow on this thread's connection."""
        row = _row(name, definition, options, args, kwargs)
        using = conf.current().database
        created = bool(Workflow.objects.using(using).enqueue([row]))
        if created:
            _remember_start(using, row.pk)
        else:
            check_existing(row, using)
        return row.pk, created

    async def astart(
        self,
        name: str,
        definition: Definition | None,
        options: StartOptions,
        args: Args,
        kwargs: Kwargs,
    ) -> tuple[str, bool]:
        """See start()."""
        return await sync_to_async(self.start)(name, definition, options, args, kwargs)

    def call(
        self, definition: Definition, options: StartOptions, args: Args, kwargs: Kwargs
    ) -> Any:
        """Run a sync workflow in this thread."""
        row, execution = _take(definition, options, args, kwargs)
        if execution is not None:
            running.run(execution)
            _raise_pause(execution)
        return self.result(row.pk, None)

    def acall(
        self, definition: Definition, options: StartOptions, args: Args, kwargs: Kwargs
    ) -> Coroutine[Any, Any, Any]:
        """Run an async workflow on this loop, a sync one in a thread."""
        return self._acall(definition, options, args, kwargs)

    async def _acall(
        self, definition: Definition, options: StartOptions, args: Args, kwargs: Kwargs
    ) -> Any:
        if not definition.is_async:
            return await sync_to_async(self.call)(definition, options, args, kwargs)
        row, execution = await sync_to_async(_take)(definition, options, args, kwargs)
        if execution is not None:
            await running.arun(execution)
            _raise_pause(execution)
        return await self.aresult(row.pk, None)

    def status(self, workflow_id: str) -> str:
        """Return the status of a workflow, or raise WorkflowNotFound."""
        rows = Workflow.objects.using(conf.current().database)
        standing = rows.standing(workflow_id) if may_exist(workflow_id) else None
        if standing is None:
            raise WorkflowNotFound(workflow_id)
        return standing.status

    async def astatus(self, workflow_id: str) -> str:
        """See status()."""
        return await sync_to_async(self.status)(workflow_id)

    def result(self, workflow_id: str, timeout: float | None) -> Any:
        """Wait for the end of a workflow; hints wake, slow looks make sure."""
        if (found := _find(workflow_id)) is not None:
            return found.give()
        _refuse_endless_wait(workflow_id)
        give_up_at = None if timeout is None else clock.monotonic() + timeout
        with Bell(hub, [result_target(workflow_id)]) as bell:
            while (found := _find(workflow_id)) is None:
                bell.wait(_stretch(workflow_id, timeout, give_up_at))
        return found.give()

    async def aresult(self, workflow_id: str, timeout: float | None) -> Any:
        """See result(); no thread is held while it waits."""
        find = sync_to_async(_find)
        if (found := await find(workflow_id)) is not None:
            return found.give()
        await sync_to_async(_refuse_endless_wait)(workflow_id)
        give_up_at = None if timeout is None else clock.monotonic() + timeout
        loop, rung = asyncio.get_running_loop(), asyncio.Event()

        with hub.subscribe(
            [result_target(workflow_id)], lambda: ring_loop(loop, rung.set)
        ):
            while (found := await find(workflow_id)) is None:
                stretch = _stretch(workflow_id, timeout, give_up_at)
                timer = loop.call_later(stretch, rung.set)
                await rung.wait()
                timer.cancel()
                rung.clear()
        return found.give()


def _row(
    name: str,
    definition: Definition | None,
    options: StartOptions,
    args: Args,
    kwargs: Kwargs,
) -> Workflow:
    """Build the row; inside a step it is a child with an id of its own."""
    frame = current_frame()
    if frame is None or frame.step is None:
        return build_row(name, definition, options, args, kwargs)
    return build_row(
        name,
        definition,
        options,
        args,
        kwargs,
        child_id=frame.next_start(),
        parent_id=frame.execution.workflow_id,
        deadline=frame.execution.deadline,
    )


def _take(
    definition: Definition, options: StartOptions, args: Args, kwargs: Kwargs
) -> tuple[Workflow, Execution | None]:
    """Insert a workflow that this thread executes; None when its id existed."""
    using = conf.current().database
    host = direct_host(using)
    row = _row(definition.name, definition, options, args, kwargs)
    claimed = hold(row, host.worker_id)
    if not Workflow.objects.using(using).enqueue([row]):
        check_existing(row, using)
        return row, None
    return row, Execution(claimed, definition, host)


def _raise_pause(execution: Execution) -> None:
    if isinstance(execution.ending, Pause):
        raise execution.ending.error


def _find(workflow_id: str) -> Result | None:
    if not may_exist(workflow_id):
        raise WorkflowNotFound(workflow_id)
    try:
        return find_result(conf.current().database, workflow_id)
    except Workflow.DoesNotExist:
        raise WorkflowNotFound(workflow_id) from None


def _stretch(
    workflow_id: str, timeout: float | None, give_up_at: float | None
) -> float:
    """Return how long to rely on hints; raise WaitTimeout when time is up."""
    if give_up_at is None:
        return hub.look_seconds
    left = give_up_at - clock.monotonic()
    if left <= 0:
        raise WaitTimeout(f"the result of workflow {workflow_id!r}", timeout or 0.0)
    return min(left, hub.look_seconds)


@dataclass(frozen=True, slots=True)
class _StartedHere:
    """A hook that does nothing: Django drops it at the commit, and when the
    savepoint or the transaction that started the workflow is rolled back.
    """

    workflow_id: str

    def __call__(self) -> None:
        """There is nothing to do."""


def _remember_start(using: str, workflow_id: str) -> None:
    """Know, until it ends, that this transaction started a workflow."""
    connection = connections[using]
    if connection.in_atomic_block:
        connection.on_commit(_StartedHere(workflow_id), robust=True)


def _refuse_endless_wait(workflow_id: str) -> None:
    """Raise WaitImpossible for a wait that the caller's transaction prevents."""
    connection = connections[conf.current().database]
    if not connection.in_atomic_block:
        return
    what = f"the result of workflow {workflow_id!r}"
    if any(getattr(each, "_from_testcase", False) for each in connection.atomic_blocks):
        raise WaitImpossible(
            what,
            "No worker sees what the transaction of this test holds. Call"
            " django_durable.testing.run_until_idle() first.",
        )
    if sql.has_fixed_snapshot(connection):
        raise WaitImpossible(
            what,
            "At this isolation level the open atomic() sees only what was committed"
            " when it began. Wait after the block.",
        )
    if not sql.is_postgresql(connection):
        raise WaitImpossible(
            what,
            "On SQLite an open atomic() can hold the only write lock, so no worker"
            " could go on. Wait after the block.",
        )
    hooks = [hook for _, hook, *_ in connection.run_on_commit]
    if _StartedHere(workflow_id) in hooks:
        raise WaitImpossible(
            what,
            "This transaction started it, so no worker sees it before the commit."
            " Wait after the atomic() block, or in transaction.on_commit().",
        )
