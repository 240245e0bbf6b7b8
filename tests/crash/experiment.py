"""Run a program once for each point at which its process can die, and judge."""

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db.models import Model

from django_durable import clock
from django_durable.execution.direct import close_lease
from django_durable.models import (
    Attempt,
    Event,
    EventHistory,
    Notification,
    Queue,
    QueueStart,
    Schedule,
    Step,
    Stream,
    StreamEntry,
    Tick,
    Wait,
    Worker,
    Workflow,
    sql,
)
from tests.crash.crasher import Crasher, Machine, Remains, Scout
from tests.crash.driver import Driver, MovableClock
from tests.crash.ledger import ledger
from tests.crash.programs import Program
from tests.crash.story import Story
from tests.emptying import empty
from tests.models import Entry

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
# Each with the columns in which another number makes no difference.
MODELS: dict[type[Model], tuple[str, ...]] = {
    Attempt: (),
    Event: (),
    EventHistory: (),
    Notification: ("id",),
    Queue: ("claims",),
    QueueStart: (),
    Schedule: (),
    Step: ("worker_id",),
    Stream: (),
    StreamEntry: ("claim",),
    Tick: ("id",),
    Wait: (),
    Workflow: ("worker_id",),
    Entry: ("id",),
}
TABLES = {sql.table(model): ignored for model, ignored in MODELS.items()}


@dataclass(frozen=True)
class Run:
    """One experiment: the deaths in it, what they left, and what came of it."""

    crashers: list[Crasher]
    remains: list[Remains]
    story: Story
    calls: Counter[str]
    problems: list[str]
    facts: dict[str, Any]
    woken_late: int

    @property
    def deaths(self) -> int:
        """How many processes died."""
        return sum(crasher.is_dead for crasher in self.crashers)


class Laboratory:
    """Makes experiments with one machine.

    A recovery knows nothing but what the dead process has left. What was
    recovered from once is not recovered from again. ``seconds_per_look`` pass
    on the monotonic clock, so that executions distrust what they know.
    """

    seconds_per_look = 0

    def __init__(self, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        self._machine = machine
        self._patch = monkeypatch
        self._drivers: list[Driver] = []
        self._known: dict[Remains, Run] = {}
        ledger.machine = machine

    def run(self, program: Program, *crashers: Crasher) -> Run:
        """Run a program; each crasher kills one process, the last one lives."""
        self._clean()
        used: list[Crasher] = []
        remains: list[Remains] = []
        for crasher in (*crashers, Crasher()):
            used.append(crasher)
            script = program.script if len(used) == 1 else program.again
            with self._machine.process(crasher):
                script(self._new_driver(program))
            self._bury()
            if not crasher.is_dead:
                break
            self._look_at_cancellation()
            remains.append(Remains(self._inside(), self._outside(program)))
            if len(remains) == len(crashers) and remains[-1] in self._known:
                known = self._known[remains[-1]]
                return replace(known, crashers=used, remains=remains)
        run = self._report(used, remains)
        if remains and len(remains) == len(crashers):
            self._known[remains[-1]] = run
        return run

    def scout(self, program: Program) -> Scout:
        """Return a process that sees what its death at each point would leave."""
        return Scout(self._inside, lambda: self._outside(program))

    def each_crash(self, program: Program) -> Iterator[Run]:
        """Run a program with a crash at every place that makes a difference."""
        scout = self.scout(program)
        self.run(program, scout)
        for *place, _ in scout.last_places():
            yield self.run(program, Crasher(*place))

    def each_pair(self, program: Program) -> Iterator[Run]:
        """Crash, and crash again wherever that leaves something new behind."""
        scout = self.scout(program)
        self.run(program, scout)
        for *first, _ in scout.last_places():
            again = self.scout(program)
            self.run(program, Crasher(*first), again)
            for *second, remains in again.last_places():
                if remains not in self._known:
                    yield self.run(program, Crasher(*first), Crasher(*second))

    def _report(self, used: list[Crasher], remains: list[Remains]) -> Run:
        return Run(
            used,
            remains,
            Story.read(),
            ledger.calls.copy(),
            list(ledger.problems),
            dict(ledger.facts),
            sum(driver.woken_late for driver in self._drivers),
        )

    def _inside(self) -> str:
        rows = []
        for table, ignored in TABLES.items():
            with self._machine.observer.cursor() as cursor:
                # Messages are in their order; what else has a number does not need it.
                is_ordered = table == sql.table(Notification)
                order = " ORDER BY id" if is_ordered else ""
                cursor.execute(f"SELECT * FROM {table}{order}")
                names = [column[0] for column in cursor.description]
                # All workers are dead, and a sequence never runs backwards.
                texts = [
                    repr([bool(v) if n in ignored else v for n, v in found])
                    for found in (zip(names, row, strict=True) for row in cursor)
                ]
                rows += texts if is_ordered else sorted(texts)
        return repr(rows)

    def _outside(self, program: Program) -> str:
        told = map(sorted, (ledger.calls.items(), ledger.hooks, ledger.facts))
        return repr((program.name, self._clock.hour, *told, ledger.problems))

    def _new_driver(self, program: Program) -> Driver:
        driver = Driver(self._clock, program.code)
        self._drivers.append(driver)
        return driver

    def _clean(self) -> None:
        empty(self._machine.observer, [*MODELS, Worker])
        ledger.clear()
        self._drivers = []
        self._clock = MovableClock()
        self._patch.setattr(clock, "now", self._clock.now)
        seconds = itertools.count(1000, self.seconds_per_look)
        self._patch.setattr(clock, "monotonic", lambda: float(next(seconds)))

    def _bury(self) -> None:
        """Let the leases of all processes so far run out."""
        close_lease()
        rows = Worker.objects.all()
        rows.update(state=Worker.State.RUNNING, heartbeat_at=LONG_AGO)

    def _look_at_cancellation(self) -> None:
        """Keep what was committed with a cancellation whose answer nobody got."""
        look = f"SELECT 1 FROM {sql.table(Workflow)} WHERE status = 'CANCELLED'"
        if "at cancel" not in ledger.facts and sql.fetch(self._machine.observer, look):
            ledger.facts["at cancel"] = Story.read()


def judge(program: Program, run: Run, reference: Run) -> list[str]:
    """Say what is wrong with a run that crashed."""
    problems = list(run.problems)
    if not (run.story.is_empty and "started" not in run.facts):
        problems += _compare(program, run, reference)
    for key, count in run.calls.items():
        if count > reference.calls[key] + run.deaths:
            problems.append(f"{key} was called {count} times")
    deaths = ", then ".join(crasher.last for crasher in run.crashers if crasher.is_dead)
    return [f"{problem} ({deaths or 'no crash'})" for problem in problems]


def _compare(program: Program, run: Run, reference: Run) -> Iterator[str]:
    story, expected = run.story, reference.story
    if story.outcomes != program.expected:
        yield f"the outcomes are {story.outcomes}"
    if story.steps != expected.steps and not program.is_free:
        yield f"the steps are {sorted(story.steps.items())}"
    if story.entries != Counter(program.entries):
        yield f"the business rows are {dict(story.entries)}"
    yield from story.gaps()
    yield from story.said.faults()
    yield from story.said.differences(expected.said)


def judge_reference(program: Program, run: Run) -> list[str]:
    """Say what is wrong with a run without a crash."""
    problems = [*run.problems, *_compare(program, run, run)]
    if run.woken_late:
        problems.append(f"{run.woken_late} wake-ups were left to the sweep")
    problems += [f"{pk} is still waiting" for pk in _waits()]
    return problems


def judge_cancellation(run: Run) -> list[str]:
    """Say what is wrong with a cancelled run that crashed.

    A cancellation takes as a whole or not at all; nothing comes after it.
    """
    story, problems = run.story, list(run.problems)
    problems += [f"{pk} has not ended" for pk in story.active] + story.gaps()
    problems += story.said.faults()
    then: Story | None = run.facts.get("at cancel")
    statuses = {status for status, _ in story.outcomes.values()}
    if then is None and "CANCELLED" in statuses:
        problems.append("it is cancelled, and nobody did that")
    if then is not None:
        if statuses != {"CANCELLED"}:
            problems.append(f"after the cancellation: {story.outcomes}")
        if story.entries != then.entries or story.strict_steps != then.strict_steps:
            problems.append(f"committed after the cancellation: {story.steps}")
        if story.said.published != then.said.published:
            problems.append(f"told after the cancellation: {story.said}")
    problems += [f"{key}: {n} rows" for key, n in story.entries.items() if n != 1]
    deaths = ", then ".join(crasher.last for crasher in run.crashers if crasher.is_dead)
    return [f"{problem} ({deaths or 'no crash'})" for problem in problems]


def _waits() -> list[str]:
    return list(Wait.objects.values_list("workflow_id", flat=True))
