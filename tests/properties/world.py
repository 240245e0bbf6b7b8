"""One experiment: a program, its processes, and what a schedule does to them."""

from __future__ import annotations

import itertools

import pytest
from django.db.models import F

import django_durable as durable
from django_durable import InvalidTransition, clock
from django_durable.models import (
    Attempt,
    Event as PublishedEvent,
    EventHistory,
    Notification,
    Step,
    Stream,
    StreamEntry,
    Wait,
    Worker,
    Workflow,
)
from django_durable.models.claims import Claimed
from django_durable.models.status import ACTIVE
from tests.crash.crasher import When
from tests.crash.driver import MovableClock
from tests.models import Entry
from tests.properties.book import book
from tests.properties.definitions import workflow_of
from tests.properties.nodes import Program
from tests.properties.processes import Hand, Pool, Process
from tests.properties.sayings import is_talk, orders
from tests.properties.schedules import Event, Schedule
from tests.properties.snapshots import Snapshot

ROOT = "w"
TABLES = (
    *(Attempt, Step, Wait, Workflow, Entry, Worker),
    *(Notification, PublishedEvent, EventHistory, Stream, StreamEntry),
)
CODE = "tests.properties."


class World:
    """Runs one experiment after the other.

    ``problems`` are what was seen to be wrong on the way, ``losses`` how often an
    execution may have been lost, ``deaths`` how often with its process, ``was_over``
    whether a process had come to its end before the last event.
    """

    def __init__(self, pool: Pool, patch: pytest.MonkeyPatch) -> None:
        self._pool = pool
        self._patch = patch

    def run(self, program: Program, schedule: Schedule, *, doubts: bool) -> Snapshot:
        """Let a program come to its end through a schedule.

        With ``doubts``, executions always distrust what they know of their row.
        """
        self._clean(1 if doubts else 0)
        self._letters = list(enumerate(orders(program)))
        self._has_talk = is_talk(program)
        workflow_of(program).using(workflow_id=ROOT).start(program, [])
        self.snapshot = self._read()
        try:
            self._begin()
            for event in schedule:
                self._pass(event)
            self._end()
        finally:
            for process in self._processes:
                process.kill()
        return self.snapshot

    def replay(self) -> None:
        """Execute what has ended once more: nothing may be written anew."""
        before, calls = self.snapshot, book.calls.copy()
        Process(self._pool, self._replay_all).advance()
        after = self._read()
        self.problems += book.told()
        if after.without_traces() != before.without_traces():
            self.problems.append(f"a replay made {after} of {before}")
        if book.calls != calls:
            self.problems.append(f"a replay called {book.calls - calls}")

    def _pass(self, event: Event) -> None:
        if self._process.is_over:
            if not self.snapshot.active:
                return
            self._switch(event)
        self._process.advance(event.after, at_work=not event.anywhere)
        self.was_over = self._process.is_over
        getattr(self, "_" + event.act.partition(" ")[0])(event)
        self._look(resumed=event.act == "resume")

    def _end(self) -> None:
        for process in (self._process, *reversed(self._processes)):
            if not process.is_over:
                process.advance()
                self._look()
        if not self.deaths and (late := sweep()):
            self.problems.append(f"{late} wake-ups were left to the sweep")
        if ROOT in self.snapshot.having("CANCELLED"):
            self._resume()
            self._look(resumed=True)
        if self._letters:
            self._send_rest()
        if self.snapshot.active:
            for process in self._processes:
                process.lose_lease()
            self._begin()
            self._process.advance()
            self._look()

    def _look(self, *, resumed: bool = False) -> None:
        """Compare what is committed with what was."""
        now = self._read()
        self.problems += book.told()
        self.problems += now.faults()
        self.problems += now.faults_since(self.snapshot, resumed)
        self.snapshot = now

    def _read(self) -> Snapshot:
        return Snapshot.read(has_talk=self._has_talk)

    # Events.

    def _crash(self, event: Event) -> None:
        when: When = "after" if event.act == "crash after" else "before"
        self._process.crash(when, event.within)
        if self._process.is_dead:
            self._succeed()

    def _expire(self, event: Event) -> None:
        if not self._process.is_over:
            self._succeed()

    def _outlive(self, event: Event) -> None:
        if not self._process.is_over:
            zombie = self._process
            self._succeed()
            self._process.advance(event.within, at_work=True)
            self._process = zombie

    def _switch(self, event: Event) -> None:
        others = [each for each in self._processes if not each.is_over]
        if others and others != [self._process]:
            at = others.index(self._process) + 1 if self._process in others else 0
            self._process = others[at % len(others)]
        else:
            self._begin()

    def _stop(self, event: Event) -> None:
        self._process.hand_over()

    def _cancel(self, event: Event) -> None:
        is_active = self._status() in ACTIVE
        if Workflow.objects.cancel_one(ROOT, "enough") != is_active:
            self.problems.append("cancel() says that it did what it did not do")

    def _resume(self, event: Event | None = None) -> None:
        if self._status() == "CANCELLED":
            self.losses += 1
            Workflow.objects.resume_one(ROOT)
        else:
            with pytest.raises(InvalidTransition):
                Workflow.objects.resume_one(ROOT)

    def _tell(self, event: Event) -> None:
        if self._letters:
            self._send()
        else:
            self._switch(event)

    def _send(self) -> None:
        """Send the next message twice: its key tells that it is the same."""
        number, (topic, message) = self._letters.pop(0)
        for _ in range(2):
            durable.send(ROOT, message, topic, idempotency_key=f"{number}")

    def _send_rest(self) -> None:
        while self._letters:
            self._send()
        self._look()

    def _status(self) -> str:
        return Workflow.objects.values_list("status", flat=True).get(pk=ROOT)

    # Processes.

    def _succeed(self) -> None:
        self.losses += 1
        self.deaths += 1
        self._process.lose_lease()
        self._begin()

    def _begin(self) -> None:
        self._process = Process(self._pool, self._work)
        self._processes.append(self._process)

    def _work(self, process: Process) -> None:
        is_first = process is self._processes[0]
        self._hand = process.hand = Hand(self._clock, CODE, lambda: not self.deaths)
        if is_first:
            process.hand.settle()
        else:
            process.hand.recover()

    def _replay_all(self, process: Process) -> None:
        held = {"status": "PENDING", "claim": F("claim") + 1, "error": None}
        Workflow.objects.update(**held)
        for row in Workflow.objects.order_by("id"):
            claimed = Claimed(row.pk, row.name, row.version, row.inputs, row.claim)
            self._hand.run(claimed)

    def _clean(self, seconds_per_look: int) -> None:
        for model in TABLES:
            model.objects.all()._raw_delete(model.objects.db)
        book.clear()
        self.problems: list[str] = []
        self.losses = self.deaths = 0
        self.was_over = False
        self._processes: list[Process] = []
        self._clock = MovableClock()
        self._patch.setattr(clock, "now", self._clock.now)
        seconds = itertools.count(1000, seconds_per_look)
        self._patch.setattr(clock, "monotonic", lambda: float(next(seconds)))


def sweep() -> int:
    """Repair lost wake-ups, as a worker does now and then; return how many."""
    return Wait.objects.wake_met() + Workflow.objects.wake_forgotten()
