"""What code outside of workflows asks of the engine."""

from collections.abc import Coroutine, Mapping, Sequence
from datetime import datetime
from typing import Any

from asgiref.sync import sync_to_async

from django_durable import conf, serialization
from django_durable.definitions.context import current_frame
from django_durable.definitions.messages import MISSING, Message
from django_durable.definitions.options import StartOptions
from django_durable.definitions.registry import Definition
from django_durable.definitions.streams import Entries
from django_durable.exceptions import Pause, WaitTimeout, WorkflowNotFound
from django_durable.execution import looks, running, scheduling
from django_durable.execution.direct import direct_host
from django_durable.execution.execution import Execution
from django_durable.execution.publishing import letter_of
from django_durable.execution.results import Result
from django_durable.execution.starting import build_row, check_existing, hold
from django_durable.execution.watching import Watch, remember_touch
from django_durable.models import Notification, Workflow
from django_durable.models.ids import may_exist
from django_durable.models.targets import (
    event_target,
    result_target,
    stream_target,
)

# One look of a reader takes so many values at most.
MOST_ENTRIES = 256

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
            remember_touch(using, row.pk)
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
            if (result := _ended(execution)) is not None:
                return result.give()
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
            if (result := _ended(execution)) is not None:
                return result.give()
        return await self.aresult(row.pk, None)

    def know_schedule(self, name: str) -> None:
        """Store a schedule that this process declares, unless it is stored."""
        scheduling.know(name)

    def run_schedule(self, name: str) -> tuple[str, bool]:
        """Start a schedule's workflow now."""
        return scheduling.run_by_hand(name)

    def backfill_schedule(
        self, name: str, start: datetime, end: datetime
    ) -> list[tuple[str, bool]]:
        """Start what a schedule would have started in the past, and has not."""
        return scheduling.backfill(name, start, end)

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
        """Wait for the end of a workflow."""
        return _found(_result_watch(workflow_id, timeout).wait()).give()

    async def aresult(self, workflow_id: str, timeout: float | None) -> Any:
        """See result()."""
        return _found(await _result_watch(workflow_id, timeout).await_()).give()

    def send(self, messages: Sequence[Message]) -> None:
        """Send messages on this thread's connection."""
        if not messages:
            return
        letters = [letter_of(message) for message in messages]
        for letter in letters:
            if not may_exist(letter.destination):
                raise WorkflowNotFound(letter.destination)
        using = conf.current().database
        Notification.objects.using(using).send(letters)
        for letter in letters:
            remember_touch(using, letter.destination)

    async def asend(self, messages: Sequence[Message]) -> None:
        """See send()."""
        await sync_to_async(self.send)(messages)

    def event(
        self, workflow_id: str, key: str, timeout: float | None, default: Any
    ) -> Any:
        """Wait for an event of a workflow."""
        try:
            found = _event_watch(workflow_id, key, timeout).wait()
        except WaitTimeout:
            found = looks.Never()
        return _event_value(found, workflow_id, key, timeout, default)

    async def aevent(
        self, workflow_id: str, key: str, timeout: float | None, default: Any
    ) -> Any:
        """See event()."""
        try:
            found = await _event_watch(workflow_id, key, timeout).await_()
        except WaitTimeout:
            found = looks.Never()
        return _event_value(found, workflow_id, key, timeout, default)

    def events(self, workflow_id: str) -> dict[str, Any]:
        """Return all events of a workflow."""
        found = looks.events(conf.current().database, workflow_id)
        if found is None:
            raise WorkflowNotFound(workflow_id)
        return found

    async def aevents(self, workflow_id: str) -> dict[str, Any]:
        """See events()."""
        return await sync_to_async(self.events)(workflow_id)

    def entries(
        self, workflow_id: str, key: str, offset: int, timeout: float | None
    ) -> Entries:
        """Wait for values of a stream, or its end."""
        watch = _entries_watch(workflow_id, key, offset, timeout)
        return _found(watch.wait())  # type: ignore[no-any-return]

    async def aentries(
        self, workflow_id: str, key: str, offset: int, timeout: float | None
    ) -> Entries:
        """See entries()."""
        watch = _entries_watch(workflow_id, key, offset, timeout)
        return _found(await watch.await_())  # type: ignore[no-any-return]


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


def _ended(execution: Execution) -> Result | None:
    """Return what an execution has recorded; None when somebody else ends it.

    Raises what has paused it.
    """
    if isinstance(execution.ending, Pause):
        raise execution.ending.error
    return Result.of(execution.outcome) if execution.outcome is not None else None


def _result_watch(workflow_id: str, timeout: float | None) -> Watch:
    using = conf.current().database
    return Watch(
        lambda: looks.result(using, workflow_id),
        looks.result_name(workflow_id),
        workflow_id,
        [result_target(workflow_id)],
        timeout,
    )


def _event_watch(workflow_id: str, key: str, timeout: float | None) -> Watch:
    using = conf.current().database
    return Watch(
        lambda: looks.event(using, workflow_id, key),
        looks.event_name(workflow_id, key),
        workflow_id,
        [event_target(workflow_id, key), result_target(workflow_id)],
        timeout,
    )


def _entries_watch(
    workflow_id: str, key: str, offset: int, timeout: float | None
) -> Watch:
    using = conf.current().database
    return Watch(
        lambda: looks.entries(using, workflow_id, key, offset, limit=MOST_ENTRIES),
        looks.entry_name(workflow_id, key, offset),
        workflow_id,
        [stream_target(workflow_id, key), result_target(workflow_id)],
        timeout,
    )


def _found(found: Any) -> Any:
    if isinstance(found, WorkflowNotFound):
        raise found
    return found


def _event_value(
    found: Any, workflow_id: str, key: str, timeout: float | None, default: Any
) -> Any:
    if isinstance(_found(found), looks.Found):
        return serialization.loads(found.text)
    if default is not MISSING:
        return default
    raise WaitTimeout(looks.event_name(workflow_id, key), timeout or 0.0)
