"""Bugs in how workflows run: replay, steps, waits, news."""

import importlib
import itertools
import random
from datetime import UTC, datetime, timedelta

from django.db import transaction

from django_durable import clock, failures, signals
from django_durable.clock import Clock
from django_durable.definitions import operations
from django_durable.definitions.context import Frame
from django_durable.exceptions import Suspend
from django_durable.execution import outside, running, steps
from django_durable.execution.atomic import Unit
from django_durable.execution.direct import DirectHost
from django_durable.execution.journal import Journal
from django_durable.execution.lease import Lease
from django_durable.execution.state import State
from django_durable.execution.waiting import Waiter
from django_durable.models.code import ANY_VERSION
from django_durable.models.status import Status
from django_durable.worker import runner
from tests.planted.planting import bug

# Replay.


@bug(Journal, "load")
def journal_that_is_not_read(real):
    """Begin each execution as if it were the first."""
    return classmethod(lambda cls, using, workflow_id: cls())


@bug(Journal, "load")
def first_deadline_forgotten(real):
    """Let a sleep start anew with each execution."""

    def load(cls, using, workflow_id):
        journal = real.__func__(cls, using, workflow_id)
        journal.deadlines.clear()
        return journal

    return classmethod(load)


@bug(State, "recall")
def name_not_compared(real):
    """Take what is recorded at a place for the outcome of any step."""
    return lambda self, place, name, kind: self.journal.steps.get(place)


@bug(State, "child_id")
def child_id_that_no_replay_finds_again(real):
    """Give a child another id in each execution."""
    return lambda self, place: f"{self.workflow_id}/{random.randrange(10**9)}"


@bug(Frame, "next_branch")
def branch_names_that_no_replay_finds_again(real):
    """Number the branches of all executions through."""
    numbers = itertools.count(1)
    return lambda self: str(next(numbers))


@bug(steps, "value")
def chance_that_is_not_recorded(real):
    """Draw anew at each replay."""

    def value(execution, frame, name, make):
        execution.enter(frame)
        return make()
        yield

    return value


@bug(steps, "dump_result")
def result_used_undecoded(real):
    """Give the first run what the step returned, not what replay will give."""
    return lambda value, where: (real(value, where)[0], value)


@bug(failures, "_loaded_class")
def exception_class_that_is_imported(real):
    """Import whatever module a row names."""

    def load(name):
        importlib.import_module(name.partition(":")[0])
        return real(name)

    return load


# Steps.


@bug(State, "settle")
def outcome_of_others_not_adopted(real):
    """Go on with the own outcome although another one is recorded."""

    def settle(self, recorded):
        real(self, recorded)

    return settle


@bug(Unit, "_read_back")
def commit_that_is_not_looked_for(real):
    """Repeat a transaction whose COMMIT got no answer."""
    return lambda self: None


@bug(steps._Try, "_count")
def failed_tries_in_memory_only(real):
    """Store no failed try."""

    def count(self, error):
        delay = self.definition.retries.delay_seconds(self.attempt)
        return clock.now() + timedelta(seconds=delay)
        yield

    return count


@bug(steps, "Context")
def key_of_each_attempt(real):
    """Offer another idempotency key in each attempt."""

    def context(workflow_id, step_id, attempt, key, deadline):
        return real(workflow_id, step_id, attempt, f"{key}#{attempt}", deadline)

    return context


@bug(steps, "NOT_OUTCOMES")
def unwinding_recorded_as_a_failure(real):
    """Take the end of an execution for an exception of its step."""
    return ()


@bug(State, "enter")
def unwinding_that_can_be_swallowed(real):
    """Let a workflow that has caught its suspension go on."""

    def enter(self, frame):
        ending, self.ending = self.ending, None
        place = real(self, frame)
        self.ending = ending
        return place

    return enter


@bug(running, "_conclude")
def swallowed_suspension_that_is_an_end(real):
    """Finish a workflow that returns although it was suspended."""

    def conclude(execution, value, error):
        if isinstance(execution.ending, Suspend) and value is not None:
            execution.ending = None
        return real(execution, value, error)

    return conclude


@bug(running, "_suspend")
def second_look_before_the_commit(real):
    """Look again in the transaction that writes what is waited for."""

    def suspend(execution):
        with transaction.atomic(using=execution.host.using):
            real(execution)

    return suspend


@bug(State, "learn")
def cancellation_that_is_not_noticed(real):
    """Read the news of the row, and not the status in them."""

    def learn(self, standing):
        if standing is not None:
            standing = standing._replace(status=Status.PENDING)
        real(self, standing)

    return learn


# Time.


@bug(operations, "_after")
def sleep_by_the_local_clock(real):
    """Count a sleep from what this machine takes for now."""
    return lambda duration: lambda: datetime.now(UTC) + timedelta(seconds=duration)


@bug(Clock, "synchronize")
def clock_that_is_never_set(real):
    """Ignore what time it is by the database."""
    return lambda self, database_time, **_: None


@bug(Lease, "beat")
def stuck_process_that_looks_alive(real):
    """Renew the lease of a process whose loops stand still."""

    def beat(self):
        self._is_ticking = lambda: True
        real(self)

    return beat


@bug(Waiter, "needs_row")
def deadline_in_memory_only(real):
    """Store no deadline of a wait while it is hot."""
    return property(lambda self: False)


@bug(outside, "direct_host")
def direct_call_without_a_lease(real):
    """Hold a workflow in the name of nobody who could be found dead."""
    return lambda using: DirectHost(using, None)


@bug(runner.Worker, "pairs")
def worker_that_takes_any_version(real):
    """Replay old state into changed code."""

    def pairs(self, *, is_async=None):
        return [(name, ANY_VERSION) for name, _ in real(self, is_async=is_async)]

    return pairs


@bug(Lease, "_run")
def lease_without_heartbeats(real):
    """Open a lease and never renew it."""
    return lambda self: None


# News.


@bug(signals, "tell_on_commit")
def news_before_the_commit(real):
    """Tell of a change that may yet be rolled back."""
    return lambda signal, using, **facts: signals.tell(signal, **facts)


@bug(signals, "publish")
def poke_before_the_commit(real):
    """Wake those who wait while they cannot see yet what for."""

    def publish(using, *targets, **facts):
        facts = {"is_hinted": False, "news": {}, **facts}
        signals.tell(signals.published, using=using, targets=targets, **facts)

    return publish
