"""Whatever one does with the API, in whatever order, the model says what follows."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

import django_durable as durable
from django_durable import clock
from django_durable.models import (
    Attempt,
    Queue,
    QueueStart,
    Step,
    Wait,
    Worker,
    Workflow,
)
from django_durable.models.claims import Claimed
from tests.crash.crasher import USING
from tests.crash.driver import Driver, MovableClock
from tests.models import Entry
from tests.properties.errands import ERRANDS, calls
from tests.properties.model import NO_LIMITS, Limits, Model, Row
from tests.properties.processes import LONG_AGO

CODE = "tests.properties.errands."
ERRORS = {
    "CANCELLED": durable.WorkflowCancelled,
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": durable.WorkflowDeadLettered,
}
ids = st.sampled_from(["a", "b", "c"])
picks = st.integers(0, 11)
kinds = st.sampled_from(sorted(ERRANDS))
delays = st.sampled_from([timedelta(), timedelta(), timedelta(minutes=30)])
seats = st.integers(0, 1)
queues = st.sampled_from(["default", "other"])
HOUR = timedelta(hours=1)
limits = st.sampled_from(
    [
        *(Limits(), Limits(), Limits(0), Limits(1), Limits(2)),
        *(Limits(None, 1, HOUR / 2), Limits(None, 2, HOUR), Limits(1, 2, HOUR / 2)),
    ]
)


class Api(RuleBasedStateMachine):
    """Two seats for workers, four ids, and a clock.

    A worker holds its seat until it dies; what it has claimed it may still execute
    after its lease has run out. Nobody trusts old news of a row.
    """

    patch: pytest.MonkeyPatch

    @initialize()
    def begin(self) -> None:
        for model in (Attempt, Step, Wait, Workflow, Entry, Worker, Queue, QueueStart):
            model.objects.all()._raw_delete(USING)
        self.clock = MovableClock()
        self.patch.setattr(clock, "now", self.clock.now)
        seconds = itertools.count(1000)
        self.patch.setattr(clock, "monotonic", lambda: float(next(seconds)))
        self.model = Model(self.clock.now())
        self.workers: list[Driver] = []
        self.dead: set[int] = set()
        self.held: list[tuple[int, Claimed]] = []
        self.seats = [self._hire(), self._hire()]

    @rule(
        pk=ids,
        kind=kinds,
        priority=st.integers(-1, 1),
        delay=delays,
        queue=queues,
    )
    def start(
        self, pk: str, kind: str, priority: int, delay: timedelta, queue: str
    ) -> None:
        self._tick()
        options = {"workflow_id": pk, "priority": priority, "run_after": delay}
        options["queue_name"] = queue
        errand, known = ERRANDS[kind].using(**options), self.model.rows.get(pk)
        if known is not None and known.kind != kind:
            with pytest.raises(durable.WorkflowConflict):
                errand.start()
            return

        handle = errand.start()

        row = Row(pk, kind, self.model.now + delay, priority, queue=queue)
        assert handle.created == self.model.start(row)

    @precondition(lambda self: len(self.model.rows) < 6)
    @rule(kind=kinds)
    def start_without_id(self, kind: str) -> None:
        self._tick()

        handle = ERRANDS[kind].start()

        assert handle.created
        assert self.model.start(Row(handle.workflow_id, kind, self.model.now))

    @precondition(lambda self: self.model.ready())
    @rule(seat=seats, limit=st.integers(1, 3))
    def claim(self, seat: int, limit: int) -> None:
        ready, worker = self.model.ready(), self.workers[self.seats[seat]]

        found = Workflow.objects.claim(worker.worker_id, worker._pairs, limit=limit)

        assert {claimed.id for claimed in found} == {row.pk for row in ready[:limit]}
        self._take(seat, found)

    @precondition(lambda self: self.model.suspects())
    @rule(seat=seats)
    def claim_alone(self, seat: int) -> None:
        suspects = {row.pk for row in self.model.suspects()}

        (found,) = self.workers[self.seats[seat]]._claim_suspect()

        assert found.id in suspects
        self._take(seat, [found])

    @precondition(lambda self: self.model.ready())
    @rule(seat=seats)
    def work(self, seat: int) -> None:
        while self.model.ready():
            self.claim(seat, 3)
            while self.held:
                self.execute(0)

    @precondition(lambda self: self.model.ready() or self.model.suspects())
    @rule(seat=seats)
    def die_of_it(self, seat: int) -> None:
        if self.model.ready():
            self.claim(seat, 3)
        else:
            self.claim_alone(seat)
        self.crash(seat)
        self.recover()

    @precondition(lambda self: self.held)
    @rule(pick=picks)
    def execute(self, pick: int) -> None:
        self._tick()
        number, claimed = self.held.pop(pick % len(self.held))
        row, before = self.model.rows[claimed.id], len(calls)
        is_held = row.status == "PENDING" and row.claim == claimed.claim
        if is_held:
            self.model.execute(row.pk)

        self.workers[number].run(claimed)

        assert is_held or len(calls) == before

    @precondition(lambda self: self.held)
    @rule(seat=seats)
    def crash(self, seat: int) -> None:
        number = self.seats[seat]
        self.held = [each for each in self.held if each[0] != number]
        self.expire(seat)

    @precondition(lambda self: self.held)
    @rule(seat=seats)
    def expire(self, seat: int) -> None:
        number = self.seats[seat]
        self.dead.add(number)
        own = Worker.objects.filter(pk=self.workers[number].worker_id)
        own.update(heartbeat_at=LONG_AGO)
        self.seats[seat] = self._hire()

    @precondition(lambda self: self.model.lost(self.dead))
    @rule()
    def recover(self) -> None:
        self.model.recover(self.dead)
        self.model.sweep()

        Worker.objects.declare_dead()
        Workflow.objects.requeue_abandoned()
        Wait.objects.wake_met()

        assert Workflow.objects.wake_forgotten() == 0

    @precondition(lambda self: self.model.delayed())
    @rule(minutes=st.sampled_from([1, 30, 60]))
    def advance(self, minutes: int) -> None:
        self._tick(timedelta(minutes=minutes))
        self.model.wake_due()

        Workflow.objects.wake_due()

    @precondition(lambda self: self.model.rows)
    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        pk = self._pick(pick, [claimed.id for _, claimed in self.held])
        if pk not in self.model.rows:
            with pytest.raises(durable.WorkflowNotFound):
                durable.cancel_workflow(pk)
            return

        assert durable.cancel_workflow(pk, "enough") == self.model.cancel(pk)

    @precondition(lambda self: self.model.rows)
    @rule(pick=picks)
    def resume(self, pick: int) -> None:
        self._tick()
        pk = self._pick(pick, self.model.stopped())
        if pk not in self.model.rows:
            expected: type[Exception] = durable.WorkflowNotFound
        elif self.model.resume(pk):
            durable.resume_workflow(pk)
            return
        else:
            expected = durable.InvalidTransition
        with pytest.raises(expected):
            durable.resume_workflow(pk)

    @precondition(lambda self: self.model.rows)
    @rule(queue=queues)
    def switch_queue(self, queue: str) -> None:
        if queue in self.model.paused:
            assert durable.resume_queue(queue) == self.model.resume_queue(queue)
            assert durable.resume_queue(queue) == self.model.resume_queue(queue)
        else:
            assert durable.pause_queue(queue) == self.model.pause_queue(queue)
            assert durable.pause_queue(queue) == self.model.pause_queue(queue)
        if not self.model.ready():
            assert self.workers[self.seats[0]].claim() == []

    @precondition(lambda self: self.model.rows)
    @rule(queue=queues, limits=limits)
    def limit_queue(self, queue: str, limits: Limits) -> None:
        given = {name: getattr(limits, name) for name in Limits.__dataclass_fields__}
        is_new = self.model.limit_queue(queue, limits)
        assert durable.limit_queue(queue, **given) == is_new
        assert not durable.limit_queue(queue, **given)
        if not self.model.ready():
            assert self.workers[self.seats[0]].claim() == []

    @rule(pick=picks)
    def ask(self, pick: int) -> None:
        pk = self._pick(pick, [])
        row = self.model.rows.get(pk)
        if row is None:
            with pytest.raises(durable.WorkflowNotFound):
                durable.retrieve_workflow(pk)
            return
        handle = durable.retrieve_workflow(pk)
        assert handle.get_status() == row.status
        if row.status == "SUCCESS":
            assert handle.get_result() == "done"
        elif row.status != "ERROR":
            with pytest.raises(ERRORS.get(row.status, durable.WaitTimeout)):
                handle.get_result(timeout=0)

    @invariant()
    def rows_are_as_the_model_says(self) -> None:
        numbers = {each.worker_id: n for n, each in enumerate(self.workers)}
        columns = ("pk", "status", "claim", "worker", "run_after", "wake_at", "stalls")
        found = {
            pk: (status, claim, numbers.get(worker), *rest)
            for pk, status, claim, worker, *rest in Workflow.objects.values_list(
                *columns
            )
        }

        assert found == {
            row.pk: (
                *(row.status, row.claim, row.worker),
                *(row.run_after, row.wake_at, row.stalls),
            )
            for row in self.model.rows.values()
        }

    @invariant()
    def steps_and_transactions_are_as_the_model_says(self) -> None:
        steps = Counter(Step.objects.values_list("workflow_id", flat=True))
        entries = Counter(Entry.objects.values_list("key", flat=True))

        rows = self.model.rows.values()
        assert steps == Counter({row.pk: row.recorded for row in rows})
        assert entries == Counter({row.pk: row.entered for row in rows})

    def teardown(self) -> None:
        """Let everything that can end come to its end."""
        Worker.objects.update(heartbeat_at=LONG_AGO)
        for name in self.model.paused:
            assert durable.resume_queue(name)
        for name, limits in self.model.limits.items():
            assert durable.limit_queue(name) == (limits != NO_LIMITS)
        Driver(self.clock, CODE).recover()

        assert not Workflow.objects.active().exists()

    def _pick(self, number: int, rather: list[str]) -> str:
        known = [*rather, *rather, *self.model.rows, "nobody"]
        return known[number % len(known)]

    def _tick(self, step: timedelta = timedelta(milliseconds=1)) -> None:
        """Let time pass, so that no two workflows became ready at one moment."""
        self.clock.move_to(self.clock.now() + step)
        self.model.now = self.clock.now()

    def _hire(self) -> int:
        self.workers.append(Driver(self.clock, CODE))
        return len(self.workers) - 1

    def _take(self, seat: int, found: list[Claimed]) -> None:
        for claimed in found:
            self.model.claim(claimed.id, self.seats[seat])
            assert claimed.claim == self.model.rows[claimed.id].claim
            self.held.append((self.seats[seat], claimed))


def test_the_api_does_what_the_model_says(quiet, monkeypatch, explore):
    monkeypatch.setattr(Api, "patch", monkeypatch, raising=False)

    explore.machine(Api, examples=30, steps=40, share=0.3)
