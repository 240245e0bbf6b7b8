"""Waiting outside of workflows: hints wake, slow looks make sure.

No thread is held by an async wait, and nobody looks in a busy loop.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connections

from django_durable import clock, conf
from django_durable.exceptions import WaitImpossible, WaitTimeout
from django_durable.models import sql
from django_durable.models.targets import Target
from django_durable.wakeup import Bell, hub, ring_loop


@dataclass(frozen=True, slots=True)
class Watch:
    """A wait for what ``look`` finds: anything but None.

    ``what`` names it, ``workflow_id`` says whose it is, ``targets`` are what
    hints call it; ``timeout`` in seconds, None for ever.
    """

    look: Callable[[], Any]
    what: str
    workflow_id: str
    targets: Sequence[Target]
    timeout: float | None

    def wait(self) -> Any:
        """Return what is found; raises WaitTimeout, WaitImpossible."""
        # To begin to listen takes a thread and a connection: not for what is there.
        # A process that listens anyway looks when it has begun to wait.
        is_listening = hub.has_hints and not _is_in_transaction()
        if not is_listening and (found := self._look_first()) is not None:
            return found
        give_up_at = self._give_up_at()
        with Bell(hub, self._names()) as bell:
            while (found := self.look()) is None:
                bell.wait(self._stretch(give_up_at))
        return found

    async def await_(self) -> Any:
        """See wait()."""
        look = sync_to_async(self.look)
        if (found := await sync_to_async(self._look_first)()) is not None:
            return found
        give_up_at = self._give_up_at()
        loop, rung = asyncio.get_running_loop(), asyncio.Event()
        with hub.subscribe(self._names(), lambda: ring_loop(loop, rung.set)):
            while (found := await look()) is None:
                timer = loop.call_later(self._stretch(give_up_at), rung.set)
                await rung.wait()
                timer.cancel()
                rung.clear()
        return found

    def _look_first(self) -> Any:
        """Look; raise WaitImpossible when to look again would be in vain."""
        if (found := self.look()) is None:
            refuse_endless_wait(self.what, self.workflow_id)
        return found

    def _names(self) -> list[str]:
        return [target.name for target in self.targets]

    def _give_up_at(self) -> float | None:
        return None if self.timeout is None else clock.monotonic() + self.timeout

    def _stretch(self, give_up_at: float | None) -> float:
        """Return how long to rely on hints; raise WaitTimeout when time is up."""
        if give_up_at is None:
            return hub.look_seconds
        left = give_up_at - clock.monotonic()
        if left <= 0:
            raise WaitTimeout(self.what, self.timeout or 0.0)
        return min(left, hub.look_seconds)


@dataclass(frozen=True, slots=True)
class _Touched:
    """A hook that does nothing: Django drops it at the commit, and when the
    savepoint or the transaction that touched the workflow is rolled back.
    """

    workflow_id: str

    def __call__(self) -> None:
        """There is nothing to do."""


def remember_touch(using: str, workflow_id: str) -> None:
    """Know, until it ends, that this transaction started or sent to a workflow."""
    connection = connections[using]
    if connection.in_atomic_block:
        connection.on_commit(_Touched(workflow_id), robust=True)


def _is_in_transaction() -> bool:
    return connections[conf.current().database].in_atomic_block


def refuse_endless_wait(what: str, workflow_id: str) -> None:
    """Raise WaitImpossible for a wait that the caller's transaction prevents."""
    if not _is_in_transaction():
        return
    connection = connections[conf.current().database]
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
    if _Touched(workflow_id) in hooks:
        raise WaitImpossible(
            what,
            "This transaction started it or sent to it, and no worker sees that before"
            " the commit. Wait after the atomic() block, or in an on_commit() hook.",
        )
