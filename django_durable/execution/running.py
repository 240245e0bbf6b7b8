"""Running an execution from its first line to what becomes of its row."""

import asyncio
import contextvars
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connections, transaction

from django_durable import clock, failures, serialization, signals
from django_durable.definitions.context import Frame, current_frame, enter, entered
from django_durable.definitions.registry import Definition
from django_durable.exceptions import (
    ClaimLost,
    HandOver,
    Interrupted,
    Pause,
    SerializationError,
    Suspend,
    Unwind,
)
from django_durable.execution import news, tracing
from django_durable.execution.drivers import Algorithm, adrive, drive
from django_durable.execution.hosts import Host
from django_durable.execution.requests import Finish, Query
from django_durable.execution.starting import load_inputs
from django_durable.execution.state import State
from django_durable.models import Wait, Workflow, sql
from django_durable.models.checkpoint import Verdict
from django_durable.models.claims import Claimed
from django_durable.models.outcome import Outcome
from django_durable.models.status import Status

logger = logging.getLogger("django_durable")


def run(execution: State) -> None:
    """Run a sync workflow in this thread until its row is no longer held."""
    with execution.host.tracking(execution), tracing.segment(execution):
        _run(execution)


def _run(execution: State) -> None:
    value, error = None, None
    execution.atomic_depth = len(connections[execution.host.using].atomic_blocks)
    with entered(execution.frame()):
        try:
            args, kwargs = drive(_begin(execution), execution.host)
            value = execution.definition.func(*args, **kwargs)
            execution.refuse_left_open()
        except execution.host.passes_through:
            execution.end(HandOver())
            drive(_conclude(execution, None, None), execution.host)
            raise
        except Unwind as unwind:
            execution.end(unwind)
        except BaseException as raised:
            error = raised
    drive(_conclude(execution, value, error), execution.host)


async def arun(execution: State) -> None:
    """Run an async workflow in a task of its own until its row is not held."""
    with execution.host.tracking(execution), tracing.segment(execution):
        await _arun(execution)


async def _arun(execution: State) -> None:
    context = contextvars.copy_context()
    context.run(enter, None)  # The task itself is no branch of a parent.
    loop = asyncio.get_running_loop()
    install_task_factory(loop)
    task = loop.create_task(_root(execution), context=context)
    execution.leaving.attach(task)
    try:
        value, error = await task
    except asyncio.CancelledError:
        value, error = None, None
        if execution.ending is None and _is_being_cancelled():
            execution.end(HandOver())  # From outside: leave, uncounted.
            await adrive(_conclude(execution, None, None), execution.host)
            raise
        if execution.ending is None:
            error = let_out()
    await end_branches(execution)
    await adrive(_conclude(execution, value, error), execution.host)


def let_out() -> RuntimeError:
    """Return the error of a body that lets a cancellation of its own out."""
    return RuntimeError("The workflow let an asyncio.CancelledError out.")


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _root(execution: State) -> tuple[Any, BaseException | None]:
    try:
        args, kwargs = await adrive(_begin(execution), execution.host)
        with entered(execution.frame()):
            return await execution.definition.func(*args, **kwargs), None
    except asyncio.CancelledError:
        raise
    except Unwind as unwind:
        execution.end(unwind)
        return None, None
    except BaseException as raised:
        return None, raised


async def end_branches(execution: State) -> None:
    """Cancel what the workflow left behind; a finished one has no branches."""
    for _ in range(3):
        branches = execution.leaving.branches
        if not branches:
            return
        for task in branches:
            task.cancel()
        await asyncio.wait(branches, timeout=5)
    pk = execution.workflow_id
    logger.warning("Workflow %s left tasks running.", pk, extra=execution.facts)


@dataclass(frozen=True, slots=True)
class RunChild:
    """The request to execute a child that was just inserted as held."""

    parent: State
    claimed: Claimed
    definition: Definition

    def run(self, host: Host) -> None:
        run(self._execution())

    async def arun(self, host: Host) -> None:
        if self.definition.is_async:
            await arun(self._execution())
        else:
            await host.in_thread(lambda: run(self._execution()))

    def _execution(self) -> State:
        return self.parent.spawn(self.claimed, self.definition)


def _begin(execution: State) -> Algorithm:
    """Read the journal, if there can be one, and the arguments."""
    claimed = execution.claimed
    yield from news.tell(execution, signals.workflow_started, claim=claimed.claim)
    if not claimed.is_first:
        execution.journal = yield Query(execution.load_journal)
    try:
        return load_inputs(claimed.inputs)
    except SerializationError as problem:
        raise execution.end(Pause(problem)) from None


def _conclude(execution: State, value: Any, error: BaseException | None) -> Algorithm:
    """Write what becomes of the row. An ending wins over what the code returned."""
    ending = execution.ending
    if ending is not None and error is not None:
        logger.warning(
            "Workflow %s raised while it was leaving memory: %r",
            execution.workflow_id,
            error,
            exc_info=error,
            extra=execution.facts,
        )
    if ending is None:
        yield from _finish(execution, value, error)
    elif isinstance(ending, Suspend):
        yield Query(lambda: _suspend(execution))
    elif isinstance(ending, HandOver):
        yield Query(lambda: _hand_over(execution))
    elif isinstance(ending, Pause):
        reason = f"{type(ending.error).__name__}: {ending.error}"
        yield Query(lambda: _pause(execution, reason))
    elif isinstance(ending, ClaimLost):
        taken = "Workflow %s was taken by another worker"
        logger.info(taken, execution.workflow_id, extra=execution.facts)
    elif isinstance(ending, Interrupted):
        stopped = "Workflow %s stopped: it was cancelled"
        logger.info(stopped, execution.workflow_id, extra=execution.facts)


def _finish(execution: State, value: Any, error: BaseException | None) -> Algorithm:
    outcome = _outcome(execution, value, error)
    recorded = yield Finish(outcome)
    if recorded.verdict is not Verdict.RECORDED:
        execution.end(
            ClaimLost() if recorded.verdict is Verdict.FENCED else Interrupted()
        )
        return
    if execution.journal.has_waits:
        rows = Wait.objects.using(execution.host.using)
        yield Query(lambda: rows.forget(execution.workflow_id))
    execution.outcome = outcome
    if outcome.error is None:
        yield from news.tell(execution, signals.workflow_finished)
    else:
        facts = {"error": outcome.error}
        yield from news.tell(execution, signals.workflow_failed, **facts)


def _outcome(execution: State, value: Any, error: BaseException | None) -> Outcome:
    output = None
    if error is None and value is not None:
        try:
            output = serialization.dumps(value, f"{execution.definition.name}() result")
        except SerializationError as problem:
            error = problem
    return Outcome(
        workflow_id=execution.workflow_id,
        claim=execution.claim,
        status=str(Status.SUCCESS if error is None else Status.ERROR),
        output=output if error is None else None,
        error=failures.dump_exception(error) if error is not None else None,
        completed_at=clock.now(),
    )


def _suspend(execution: State) -> None:
    """Store what is waited for and let go; then look again (I6)."""
    using, pk, claim = execution.host.using, execution.workflow_id, execution.claim
    waiters = execution.leaving.waiters
    rows = [row for waiter in waiters for row in waiter.rows()]
    wake_at = min((row.wake_at for row in rows if row.wake_at), default=None)
    waits = Wait.objects.using(using)
    _keep_trace(execution)  # While it is still held: the next one reads it.
    if waits.suspend(pk, claim, rows, wake_at=wake_at):
        waits.wake_if_met(pk, claim, rows)
        for moment in (wake_at, execution.deadline):
            execution.host.note_timer(moment)


def _hand_over(execution: State) -> None:
    using, pk, claim = execution.host.using, execution.workflow_id, execution.claim
    rows = [row for waiter in execution.leaving.waiters for row in waiter.rows()]
    with transaction.atomic(using=using):
        sql.limit_lock_wait(connections[using])
        if not Workflow.objects.using(using).hand_over(pk, claim):
            return
        if rows:
            Wait.objects.using(using).keep(pk, rows)
        _keep_trace(execution)


def _keep_trace(execution: State) -> None:
    """Let the next execution know of the span of this one."""
    if execution.traceparent is not None:
        rows = Workflow.objects.using(execution.host.using)
        held = rows.filter(pk=execution.workflow_id, claim=execution.claim)
        held.update(traceparent=execution.traceparent)


def _pause(execution: State, reason: str) -> None:
    rows = Workflow.objects.using(execution.host.using)
    rows.pause(execution.claimed, reason)


def _is_made_by_wait_for() -> bool:
    """Tell whether asyncio.wait_for() makes this task, as Python 3.11 does.

    Its caller only waits for it, so it goes on in the caller's branch, as it
    does where wait_for() makes none: a replay may be on another Python.
    """
    if sys.version_info >= (3, 12):
        return False
    frame = sys._getframe(2)
    for _ in range(5):
        if frame.f_code is asyncio.wait_for.__code__:
            return True
        if frame.f_back is None:
            return False
        frame = frame.f_back
    return False


def install_task_factory(loop: asyncio.AbstractEventLoop) -> None:
    """Make each task that a workflow's body creates a branch of its own."""
    inner = loop.get_task_factory()
    if isinstance(inner, _BranchFactory):
        return
    loop.set_task_factory(_BranchFactory(inner))


class _BranchFactory:
    """Names branches in the order in which the code creates its tasks."""

    def __init__(self, inner: Callable[..., Any] | None) -> None:
        self._inner = inner

    def __call__(
        self, loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any
    ) -> Any:
        frame = current_frame()
        context = options.pop("context", None)
        if context is not None:
            frame = context.run(current_frame)
        if frame is None or frame.step is not None:
            return self._make(loop, coroutine, context, options)
        context = context.copy() if context is not None else contextvars.copy_context()
        if not _is_made_by_wait_for():
            context.run(enter, Frame(frame.execution, frame.next_branch()))
        task = self._make(loop, coroutine, context, options)
        frame.execution.leaving.adopt(task)  # type: ignore[attr-defined]
        return task

    def _make(self, loop: Any, coroutine: Any, context: Any, options: Any) -> Any:
        if context is not None:
            options = {**options, "context": context}
        if self._inner is not None:
            return self._inner(loop, coroutine, **options)
        return asyncio.Task(coroutine, loop=loop, **options)
