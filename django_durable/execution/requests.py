"""The requests that algorithms make of their driver."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from django.db import connections
from django.db.transaction import TransactionManagementError

from django_durable.definitions.context import Frame, entered
from django_durable.definitions.step import StepDefinition
from django_durable.execution import tracing
from django_durable.execution.hosts import Host
from django_durable.models import sql
from django_durable.models.checkpoint import Checkpoint, Recorded
from django_durable.models.outcome import Outcome

# Called before each call of a step's function: where tests make steps fail.
before_call: Callable[[StepDefinition[..., Any, Any]], None] | None = None


class Record(NamedTuple):
    """Write a checkpoint behind the ordinary fence."""

    checkpoint: Checkpoint

    def run(self, host: Host) -> Recorded:
        return host.record(self.checkpoint)

    async def arun(self, host: Host) -> Recorded:
        return await host.arecord(self.checkpoint)


class Finish(NamedTuple):
    """Write the outcome of the workflow behind the strict fence."""

    outcome: Outcome

    def run(self, host: Host) -> Recorded:
        return host.finish(self.outcome)

    async def arun(self, host: Host) -> Recorded:
        return await host.afinish(self.outcome)


class Query(NamedTuple):
    """Do database work of the engine's own; it may be done again."""

    work: Callable[[], Any]

    def run(self, host: Host) -> Any:
        return host.query(self.work)

    async def arun(self, host: Host) -> Any:
        return await host.aquery(self.work)


class Rest(NamedTuple):
    """Stay a moment before another try: no wait of the workflow's."""

    seconds: float

    def run(self, host: Host) -> None:
        threading.Event().wait(self.seconds)

    async def arun(self, host: Host) -> None:
        await asyncio.sleep(self.seconds)


class Invoke(NamedTuple):
    """Call the user's function of a step."""

    definition: StepDefinition[..., Any, Any]
    frame: Frame
    args: Any
    kwargs: Any

    def run(self, host: Host) -> Any:
        if self.definition.is_async:
            raise TypeError(
                f"{self.definition.name} is async, and this workflow is not:"
                " make the workflow an async def, or the step a def."
            )
        return self._checked(host)

    async def arun(self, host: Host) -> Any:
        if not self.definition.is_async:
            return await host.in_thread(lambda: self._checked(host))
        with entered(self.frame), tracing.step(self.frame):
            if before_call is not None:
                before_call(self.definition)
            if self.definition.timeout is None:
                return await self.definition.func(*self.args, **self.kwargs)
            async with asyncio.timeout(self.definition.timeout):
                return await self.definition.func(*self.args, **self.kwargs)

    def _checked(self, host: Host) -> Any:
        is_left_open = False
        try:
            result = self.call()
        finally:  # Also for a step that raises: its error must be committed.
            if host.can_suspend:
                is_left_open = sql.close_left_open(connections[host.using])
        if is_left_open:
            raise TransactionManagementError(
                f"Step {self.definition.name!r} left a transaction open; it was rolled"
                " back. Use atomic(), or make the step a @transaction."
            )
        return result

    def call(self) -> Any:
        """Call a sync function inside the step's frame."""
        with entered(self.frame), tracing.step(self.frame):
            if before_call is not None:
                before_call(self.definition)
            return self.definition.func(*self.args, **self.kwargs)


class InThread(NamedTuple):
    """Run sync work that is partly the user's: a transaction step, a child."""

    work: Callable[[], Any]

    def run(self, host: Host) -> Any:
        return self.work()

    async def arun(self, host: Host) -> Any:
        return await host.in_thread(self.work)
