"""The loop that finds ready workflows and has them begun."""

import logging
import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from django.db import DatabaseError, InterfaceError, connections

from django_durable import clock, signals
from django_durable.execution.journal import Journals
from django_durable.execution.lease import Lease
from django_durable.models import Workflow, faults
from django_durable.models.claims import Claimed
from django_durable.models.connection import note_refusal, reserve_connection
from django_durable.wakeup import Bell, hub
from django_durable.worker.held_queues import HeldQueues
from django_durable.worker.scheduling import Scheduling

logger = logging.getLogger("django_durable")

# While workflows queue, slots that become free are filled together.
GATHER_SECONDS = 0.002
# How soon to look again for what is due although it was not woken.
OVERDUE_SECONDS = 0.05
# How often the worker of a quarantine looks whether its workflow has ended.
ALONE_LOOK_SECONDS = 0.05


class Staff(Protocol):
    """A worker, as far as work is given to it. Kinds: True for async workflows."""

    @property
    def is_busy(self) -> bool: ...

    def free_slots(self, *, is_async: bool) -> int: ...

    def pairs(self, *, is_async: bool | None = None) -> list[tuple[str, str]]: ...

    def begin(self, row: Claimed, journals: Journals | None = None) -> None: ...


class Dispatcher:
    """Claims for one worker, in a thread of its own.

    Rung by hints, by timers, and by slots that become free while workflows
    queue; whatever is missed is found by a look at a slow rhythm. Between two
    claims it fires what ``schedules`` has due. ``alone`` is the first suspect of a
    quarantine.
    """

    def __init__(
        self,
        using: str,
        staff: Staff,
        lease: Lease,
        *,
        queues: Sequence[str] | None,
        alone: str | None,
        stopping: threading.Event,
        schedules: Scheduling | None = None,
    ) -> None:
        self.is_idle = False
        self.ticked_at = clock.monotonic()
        self._using = using
        self._staff = staff
        self._lease = lease
        self._queues = queues
        self._alone = alone
        self._stopping = stopping
        self._schedules = schedules or Scheduling(using)
        self._bell: Bell | None = None
        self._thread: threading.Thread | None = None
        self._timer_at = 0.0
        self._setting = threading.Lock()
        self._look_at = 0.0
        self._has_news = True
        # The kinds of which the last look left some in the queue.
        self._backlogs: set[bool] = set()
        self._limits = HeldQueues()
        # The claim under way: when its answer is lost, nobody knows what it took.
        self._doubtful: tuple[UUID, datetime] | None = None

    def start(self) -> None:
        """Begin to claim."""
        self._thread = threading.Thread(
            target=self._run, name="durable-dispatcher", daemon=True
        )
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait for the end of the loop, after ``stopping`` was set."""
        if self._thread is not None:
            self._thread.join(timeout=seconds)

    def ring(self) -> None:
        """Look: there is news."""
        if (bell := self._bell) is not None:
            bell.ring()

    def slot_is_free(self) -> None:
        """Look, if the last look had to leave something for want of a slot."""
        if self._backlogs and (bell := self._bell) is not None:
            bell.nudge()

    def place_is_free(self, queue_name: str) -> None:
        """Look, if the last look had to leave something of this queue for its limit.

        To be called when an execution has left its row, before its slot is free.
        """
        if self._limits.note_place(queue_name) and (bell := self._bell) is not None:
            bell.nudge()

    def note_timer(self, moment: datetime) -> None:
        """Know of a timer that an execution of this worker has left behind.

        It is no news of work: only a timer that is due first shortens the wait.
        """
        due_at = clock.monotonic() + (moment - clock.now()).total_seconds()
        if self._is_earlier(due_at) and (bell := self._bell) is not None:
            bell.nudge()

    @property
    def _may_take(self) -> bool:
        # What is claimed under a lease that has run out counts as abandoned.
        return self._lease.is_held and not self._stopping.is_set()

    def _run(self) -> None:
        reserve_connection(self._using)
        tries = 0
        with Bell(hub, [signals.QUEUE]) as bell:
            self._bell = bell
            while not self._stopping.is_set():
                self.ticked_at = clock.monotonic()
                try:
                    seconds = self._look()
                    tries = 0
                except Exception as error:
                    tries += 1
                    seconds = self._recover(error, tries)
                bell.wait(seconds)
                if bell.was_hinted:
                    self._has_news = True
                elif self._backlogs:
                    self._stopping.wait(GATHER_SECONDS)
        connections[self._using].close()

    def _recover(self, error: Exception, tries: int) -> float:
        """Drop what is broken; return how long to wait before the next look."""
        if not isinstance(error, DatabaseError | InterfaceError):
            logger.error("Claiming failed, trying on", exc_info=error)
        elif tries in (1, 10):
            logger.warning("Claiming failed, trying on: %s", error)
        note_refusal(error)
        faults.drop_broken(self._using)
        self._has_news = True  # What it was looking for is still there.
        return faults.pause_seconds(tries + 3)

    def _look(self) -> float:
        """Start what is ready; return how long to rely on being rung."""
        if self._alone is not None:
            return self._look_alone()
        rows = Workflow.objects.using(self._using)
        had_news, now = self._has_news, clock.monotonic()
        if now >= self._timer_at:
            rows.cancel_overdue()
            rows.wake_due()
            self._has_news = True  # What was woken, and what was delayed until now.
            self._timer_at = now + hub.look_seconds
            self._set_timer(rows.next_due())
        if self._may_take and self._schedules.look():
            self._has_news = True
        if self._limits.may_have_gone(now):
            self._has_news = True
        found = self._claim_kinds(self._kinds_to_look_for())
        self.is_idle = not found and self._limits.is_settled
        if found:
            return 0.0
        if had_news:  # Perhaps of a workflow that was started for later.
            self._set_timer(rows.next_due())
        now = clock.monotonic()
        wait = min(
            self._timer_at - now,
            self._limits.seconds_left(now),
            self._schedules.seconds(),
        )
        return min(hub.look_seconds, max(0.001, wait))

    def _kinds_to_look_for(self) -> list[bool]:
        """Return of which kinds a look may find something.

        Where the last look left nothing in the queue, only a hint or the slow
        look can tell of more; a slot that became free cannot.
        """
        now = clock.monotonic()
        if self._has_news or now >= self._look_at:
            self._has_news = False
            self._look_at = now + hub.look_seconds
            return [False, True]
        return sorted(self._backlogs)

    def _claim_kinds(self, kinds: Sequence[bool]) -> int:
        """Claim for slots of these kinds: in one statement, while few are queued."""
        if not self._may_take:
            return 0
        found = 0
        if len(kinds) == 2:
            self._limits.begin()
            together = min(self._staff.free_slots(is_async=kind) for kind in kinds)
            found = self._claim(None, together)
            if found < together:  # Nothing of either kind is left.
                self._backlogs.clear()
                return found
        return found + sum(self._claim_kind(is_async=kind) for kind in kinds)

    def _claim_kind(self, *, is_async: bool) -> int:
        free = self._staff.free_slots(is_async=is_async)
        found = self._claim(is_async, free)
        if found == free:
            self._backlogs.add(is_async)
        else:
            self._backlogs.discard(is_async)
        return found

    def _claim(self, is_async: bool | None, limit: int) -> int:
        pairs = self._staff.pairs(is_async=is_async)
        claimed = self._take(pairs, limit) if pairs and limit else []
        self._begin(claimed)
        return len(claimed)

    def _begin(self, claimed: Sequence[Claimed]) -> None:
        """Have workflows begun; what cannot be, is not held."""
        failure: Exception | None = None
        again = [row.id for row in claimed if not row.is_first]
        journals = Journals(self._using, again) if len(again) > 1 else None
        for row in claimed:
            self._set_timer(row.deadline)
            try:
                self._staff.begin(row, journals)
            except Exception as error:
                failure = error
                about = {"workflow_id": row.id, "workflow_name": row.name}
                unbegun = "Workflow %s could not be begun: %r"
                logger.error(unbegun, row.id, error, extra=about)
                Workflow.objects.using(self._using).hand_over(row.id, row.claim)
        if failure is not None:
            raise failure  # Not again at once: the cause may last.

    def _take(self, pairs: list[tuple[str, str]], limit: int) -> list[Claimed]:
        worker_id = self._lease.worker_id
        assert worker_id is not None
        rows = Workflow.objects.using(self._using)
        if self._doubtful is not None:
            rows.disown(*self._doubtful)
        now = clock.now()
        self._doubtful = worker_id, now
        claimed = rows.claim(
            worker_id,
            pairs,
            limit=limit,
            queues=self._queues,
            now=now,
            expects_limits=self._limits.are_expected,
        )
        self._doubtful = None
        self._limits.note(claimed, now)
        return claimed

    def _look_alone(self) -> float:
        """Take suspects, one after the other; idle when there are none."""
        assert self._lease.worker_id is not None
        assert self._alone is not None
        rows, pairs = Workflow.objects.using(self._using), self._staff.pairs()
        while self._alone and not self._staff.is_busy and not self._stopping.is_set():
            self._begin(rows.claim_suspect(self._lease.worker_id, self._alone, pairs))
            if not self._staff.is_busy:  # It has ended, or somebody else has it.
                self._alone = rows.first_suspect(pairs, self._queues) or ""
        self.is_idle = not self._staff.is_busy
        return ALONE_LOOK_SECONDS

    def _set_timer(self, moment: datetime | None) -> None:
        if moment is not None:
            # What is due and was not woken is locked: look again, but calmly.
            seconds = max(OVERDUE_SECONDS, (moment - clock.now()).total_seconds())
            self._is_earlier(clock.monotonic() + seconds)

    def _is_earlier(self, due_at: float) -> bool:
        """Set the timer to a moment if it comes first."""
        with self._setting:
            is_earlier = due_at < self._timer_at
            if is_earlier:
                self._timer_at = due_at
        return is_earlier
