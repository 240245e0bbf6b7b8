"""Waiting: look, stay hot for a while, then leave memory until something happens."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django_durable import clock
from django_durable.definitions.calls import BoundCall
from django_durable.definitions.context import Frame, enter
from django_durable.exceptions import HandOver, Suspend, Unwind
from django_durable.execution.drivers import Algorithm
from django_durable.execution.hosts import Host
from django_durable.execution.journal import Place
from django_durable.execution.requests import Query
from django_durable.execution.state import State
from django_durable.models import Wait
from django_durable.models.targets import TIMER, Target, result_target
from django_durable.models.wait import WaitRow
from django_durable.wakeup import hub, ring_loop

# A wait that may last longer gets its row while it is still hot, so that a
# crash does not start its clock again.
UNRECORDED_SECONDS = 1.0
# How often a wait for nothing but the time looks whether it was cancelled.
TIMER_LOOK_SECONDS = 5.0
# Where many wait, hints that do not say what changed ring each at most this often.
CALM_SECONDS = 0.1


def until(execution: State, frame: Frame, place: Place, moment: datetime) -> Algorithm:
    """Wait for a moment."""
    if clock.now() < moment:
        yield from wait(execution, frame, place, [TIMER], until=moment)


def wait(
    execution: State,
    frame: Frame,
    place: Place,
    targets: Sequence[Target],
    *,
    until: datetime | None = None,
    look: Callable[[], Any] | None = None,
) -> Algorithm:
    """Return what ``look`` finds, or None when ``until`` has come first."""
    if look is not None and (found := (yield Query(look))) is not None:
        return found
    execution.host.check_wait(", ".join(target.name for target in targets))
    with Waiter(execution, frame, place, targets, until) as waiter:
        was_rung = False
        while not waiter.is_over:
            if look is not None and (found := (yield Query(look))) is not None:
                return found
            if was_rung or execution.is_overdue:  # Perhaps by a cancellation.
                yield from execution.assure_active(anyhow=True)
            if waiter.needs_row:
                yield Query(waiter.store)
            yield waiter
            was_rung = True
    return None


class Waiter:
    """One wait of one branch, from its first look to its end."""

    def __init__(
        self,
        execution: State,
        frame: Frame,
        place: Place,
        targets: Sequence[Target],
        until: datetime | None,
    ) -> None:
        self.execution = execution
        self.is_suspended = False
        self.until = until
        self._frame = frame
        self._place = place
        self._targets = targets
        self._is_human = any(target.is_human for target in targets)
        self.hot_until = self._hot_until()
        self._is_stored = all(
            (place, target.name) in execution.journal.deadlines for target in targets
        )
        self._rung = threading.Event()
        self._wake: Callable[[], object] = self._rung.set

    def __enter__(self) -> Waiter:
        own = result_target(self.execution.workflow_id)  # A cancellation rings it.
        names = [target.name for target in (*self._targets, own)]
        self._subscription = hub.subscribe(names, self.ring, calm=CALM_SECONDS)
        self.execution.leaving.add(self)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._subscription.close()
        self.execution.leaving.remove(self)

    def ring(self) -> None:
        """Make the waiting branch look again."""
        self._rung.set()
        self._wake()

    @property
    def is_over(self) -> bool:
        """Tell whether the time has come."""
        return self.until is not None and clock.now() >= self.until

    @property
    def needs_row(self) -> bool:
        """Tell whether its deadline should be written although it stays hot.

        People are shown by it what waits for them.
        """
        if self._is_stored:
            return False
        if self._is_human and not self._leaves_at_once:
            return True
        left = self._seconds_left()
        return (
            left is not None
            and left > UNRECORDED_SECONDS
            and clock.monotonic() < self.hot_until
        )

    def rows(self) -> list[WaitRow]:
        """Return the rows that say what this branch waits for."""
        return [
            WaitRow(self._place.branch, self._place.step_id, target, self.until)
            for target in self._targets
        ]

    def store(self) -> None:
        """Write the rows, when the workflow is still this execution's."""
        execution = self.execution
        using = execution.host.using
        Wait.objects.using(using).keep(execution.workflow_id, self.rows())
        execution.journal.has_waits = True
        self._is_stored = True

    def run(self, host: Host) -> None:
        """Wait a stretch in this thread, or unwind when the wait is cold."""
        execution = self.execution
        if execution.ending is not None:
            raise execution.ending
        is_cold = host.can_suspend and clock.monotonic() >= self.hot_until
        if not execution.is_async and (is_cold or execution.is_handing_over):
            raise self._leave()
        with execution.idle():
            self._rung.wait(self._stretch())
        self._rung.clear()

    async def arun(self, host: Host) -> None:
        """Wait a stretch on the event loop; ``Leaving`` decides when it is cold."""
        if self.execution.ending is not None:
            raise self.execution.ending
        loop = asyncio.get_running_loop()
        rung = asyncio.Event()
        self._wake = lambda: ring_loop(loop, rung.set)
        if self._rung.is_set():
            rung.set()
        timer = loop.call_later(self._stretch(), rung.set)
        try:
            with self.execution.idle():
                await rung.wait()
        finally:
            timer.cancel()
            self._rung.clear()

    def _leave(self) -> Unwind:
        execution = self.execution
        if not execution.host.can_suspend:
            return execution.end(HandOver())
        self.is_suspended = True
        if self._frame.branch:  # gather() decides when all its branches are done.
            return Suspend()
        return execution.end(Suspend())

    def _hot_until(self) -> float:
        host, now = self.execution.host, clock.monotonic()
        hot = now
        # Where only some are executed at once, the others must not wait for this.
        if not self.execution.claimed.is_limited:
            hot += host.hot_seconds(is_async=self.execution.is_async)
        left = self._seconds_left()
        is_hopeless = self._is_human or (left is not None and now + left > hot)
        return now if is_hopeless and host.can_suspend else hot

    @property
    def _leaves_at_once(self) -> bool:
        """Tell whether nothing but this wait keeps a cold one in memory."""
        return self.execution.host.can_suspend and not self.execution.is_async

    def _seconds_left(self) -> float | None:
        if self.until is None:
            return None
        return (self.until - clock.now()).total_seconds()

    def _stretch(self) -> float:
        """Return how long to rely on being rung."""
        is_timer = list(self._targets) == [TIMER]
        limits = [TIMER_LOOK_SECONDS if is_timer else hub.look_seconds]
        for moment in (self.until, self.execution.deadline):
            if moment is not None:
                limits.append((moment - clock.now()).total_seconds())
        if self.execution.host.can_suspend and not self.execution.is_async:
            limits.append(self.hot_until - clock.monotonic())
        return max(0.0, min(limits))


def gather(
    execution: State, frame: Frame, calls: Sequence[BoundCall[Any]]
) -> list[Any]:
    """Run calls as branches of a sync workflow; all end before anyone leaves."""
    branches = [_Branch(execution, frame, call) for call in calls]
    execution.host.side_by_side([branch.run for branch in branches])
    unwinding = [b.error for b in branches if isinstance(b.error, Unwind)]
    if unwinding:
        if not frame.branch:
            raise execution.end(unwinding[0])
        raise unwinding[0]
    for branch in branches:
        if branch.error is not None:
            raise branch.error
    return [branch.value for branch in branches]


class _Branch:
    """One bound call, in a context of its own."""

    def __init__(self, execution: State, frame: Frame, call: BoundCall[Any]) -> None:
        self.value: Any = None
        self.error: BaseException | None = None
        self._call = call
        self._frame = Frame(frame.execution, frame.next_branch())
        self._context = contextvars.copy_context()

    def run(self) -> None:
        """Make the call; keep what comes of it."""
        self._context.run(self._run)

    def _run(self) -> None:
        enter(self._frame)
        try:
            self.value = self._call()
        except BaseException as error:
            self.error = error
