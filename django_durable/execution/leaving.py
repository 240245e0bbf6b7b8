"""How an execution leaves memory: as a whole, when nothing of it is in flight.

A sync workflow has one line of control, and an Unwind raised there takes it
out. An async one may have many: a branch that must stop only parks, and when
no step is in flight and every branch waits or is parked, the root is cancelled.
An Unwind raised inside a gathered branch would cancel a sibling in mid-step.
"""

import asyncio
import threading
from typing import Protocol

from django_durable import clock
from django_durable.definitions.context import Frame
from django_durable.exceptions import Suspend, Unwind
from django_durable.execution.hosts import Host
from django_durable.models.wait import WaitRow
from django_durable.wakeup import ring_loop

# Rounds of the event loop without a durable call after which the branches of
# an execution count as waiting: results travel through gather() and tasks in
# a round each.
QUIET_ROUNDS = 20


class Leaver(Protocol):
    """An execution, as far as its leaving is concerned."""

    ending: Unwind | None
    host: Host
    is_async: bool
    is_handing_over: bool

    @property
    def is_busy(self) -> bool: ...

    def end(self, ending: Unwind) -> Unwind: ...


class Waiting(Protocol):
    """The wait of one branch."""

    hot_until: float
    is_suspended: bool

    def ring(self) -> None: ...

    def rows(self) -> list[WaitRow]: ...


class Leaving:
    """Decides when an execution suspends, and takes all its branches out."""

    def __init__(self, execution: Leaver) -> None:
        self._execution = execution
        self._loop: asyncio.AbstractEventLoop | None = None
        self._root: asyncio.Task[object] | None = None
        self._tasks: set[asyncio.Task[object]] = set()
        self._waiters: set[Waiting] = set()
        self._stirred = 0
        self._looks_at = 0.0
        self.left = threading.Event()

    def attach(self, root: asyncio.Task[object]) -> None:
        """Name the task whose cancellation takes the workflow out."""
        self._loop = root.get_loop()
        self._root = root

    def adopt(self, task: asyncio.Task[object]) -> None:
        """Know a task that the workflow's code has created: a branch."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def branches(self) -> set[asyncio.Task[object]]:
        """The branches that still run."""
        return set(self._tasks)

    @property
    def waiters(self) -> list[Waiting]:
        """What the branches wait for."""
        return list(self._waiters)

    def add(self, waiter: Waiting) -> None:
        """Know that a branch waits."""
        self._waiters.add(waiter)
        self.consider()

    def remove(self, waiter: Waiting) -> None:
        """Know that a branch goes on; a suspended one keeps its wait."""
        if not waiter.is_suspended and self._execution.ending is None:
            self._waiters.discard(waiter)

    def stir(self) -> None:
        """Note that something durable begins or ends."""
        self._stirred += 1
        if self._waiters or self._execution.ending is not None:
            self.consider()

    def consider(self) -> None:
        """Look, soon, whether it is time to leave. From any thread."""
        # A branch of async code that hands over stays where it is: rung, it would
        # go on to its next wait, be rung there again, and never be at rest.
        ending, is_async = self._execution.ending, self._execution.is_async
        if ending is not None or (self._execution.is_handing_over and not is_async):
            for waiter in list(self._waiters):
                waiter.ring()
        if (loop := self._loop) is not None:
            stirred = self._stirred
            ring_loop(loop, lambda: self._look(stirred, 0))

    def hold(self, frame: Frame, unwind: Unwind) -> None:
        """Prepare to unwind sync code; a thread of async code waits for the rest."""
        execution = self._execution
        if execution.is_async:
            execution.end(unwind)
            self.left.wait()
        elif not frame.branch:
            execution.end(unwind)

    async def park(self, unwind: Unwind) -> None:
        """Keep a branch of async code where it is until all leave."""
        self._execution.end(unwind)
        if not self.left.is_set():
            await asyncio.get_running_loop().create_future()

    def _look(self, stirred: int, rounds: int) -> None:
        assert self._loop is not None
        if self.left.is_set() or self._execution.is_busy:
            return
        if stirred != self._stirred:
            stirred, rounds = self._stirred, 0
        if self._execution.ending is None and not self._may_suspend():
            return
        if rounds < QUIET_ROUNDS:
            self._loop.call_soon(self._look, stirred, rounds + 1)
        else:
            self._leave()

    def _may_suspend(self) -> bool:
        """Tell whether every wait is cold; come back when the next one may be."""
        execution = self._execution
        if not execution.host.can_suspend or not self._waiters:
            return False
        if execution.is_handing_over:
            return True
        hottest = max(waiter.hot_until for waiter in self._waiters)
        delay = hottest - clock.monotonic()
        if delay <= 0:
            return True
        assert self._loop is not None
        if self._looks_at < hottest:
            self._looks_at = hottest
            self._loop.call_later(delay + 0.001, self.consider)
        return False

    def _leave(self) -> None:
        if self._execution.ending is None:
            self._execution.ending = Suspend()
        self.left.set()
        for task in {self._root, *self._tasks} - {None}:
            assert task is not None
            task.cancel()
