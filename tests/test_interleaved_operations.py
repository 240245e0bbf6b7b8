"""Races of operators with each other, and with what they operate on."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections

import django_durable as durable
from django_durable import clock
from django_durable.exceptions import DurableError
from django_durable.models import (
    Event,
    EventHistory,
    Notification,
    Step,
    Stream,
    StreamEntry,
    Workflow,
)
from django_durable.models.forks import ForkOptions
from tests.crash.crasher import USING
from tests.crash.driver import Driver, MovableClock
from tests.emptying import empty
from tests.interleaving import meetings
from tests.models import Entry
from tests.racing import CODE, claim, clean, entries, queue, writing

pytestmark = pytest.mark.django_db(transaction=True)

Status = Workflow.Status
SAID = (Event, EventHistory, Notification, Stream, StreamEntry)
COPY = ForkOptions("copy")


@pytest.fixture(autouse=True)
def stopped(movable: MovableClock) -> None:
    """Stop the clock for every test."""


@durable.workflow
def telling():
    """Say something at each step, and once more inside a step."""
    for number in range(2):
        durable.set_event("state", number)
        durable.write_stream("log", number)
    return tell()


@durable.step
def tell():
    durable.set_event("state", "inside")
    durable.write_stream("log", "inside")
    return Entry.objects.count()


# Two operators.


def the_row() -> Any:
    return Workflow.objects.filter(pk="w")


OPERATIONS: dict[str, Callable[[], Any]] = {
    "cancel": lambda: Workflow.objects.cancel_one("w"),
    "resume": lambda: Workflow.objects.resume_one("w"),
    "restart": lambda: Workflow.objects.restart_one("w", COPY),
    "fork": lambda: Workflow.objects.fork_one("w", 2, options=COPY),
    "delete": lambda: Workflow.objects.delete_one("w")["django_durable.Workflow"],
    "delete some": lambda: the_row().delete()[1].get("django_durable.Workflow", 0),
    "prune": lambda: Workflow.objects.prune(older_than=timedelta(minutes=1)),
}
PAIRS = [
    ("resume", "resume"),
    ("resume", "cancel"),
    ("cancel", "resume"),
    ("delete", "resume"),
    ("prune", "resume"),
    ("fork", "delete"),
    ("fork", "restart"),
    ("cancel", "cancel"),
    ("delete", "delete"),
    ("fork", "fork"),
    ("restart", "restart"),
]


def answer(name: str) -> Callable[[], Any]:
    """Return an operation that answers with the class of its error."""

    def act() -> Any:
        try:
            return OPERATIONS[name]()
        except DurableError as error:
            return type(error).__name__

    return act


def state() -> Any:
    """Return what stands in the database, but for the number of the claim."""
    rows = Workflow.objects.order_by("pk").values_list("pk", "status", "cancelled_with")
    steps = Step.objects.order_by("workflow_id", "step_id")
    return list(rows), list(steps.values_list("workflow_id", "step_id", "output"))


@pytest.mark.parametrize("pair", PAIRS, ids="+".join)
def test_two_operators_come_one_after_the_other(movable, pair):
    here, there = (answer(name) for name in pair)
    at = clock.now() - timedelta(hours=1)
    ended: dict[str, Any] = {
        "name": writing.name,
        "version": "1",
        "inputs": "json:[{}]",
    }
    ended |= {"status": Status.CANCELLED, "claim": 1}
    ended |= dict.fromkeys(
        ("run_after", "created_at", "changed_at", "completed_at"), at
    )
    along = {"parent_id": "w", "cancelled_with": "w"} if "resume" in pair else {}
    if pair == ("cancel", "cancel"):
        ended |= {"status": Status.WAITING, "completed_at": None}
        along = {"parent_id": "w"}
    rows = [Workflow(id="w", **ended), Workflow(id="x", **ended, **along)]
    step: dict[str, Any] = {"workflow_id": "w", "step_id": 1, "name": "a", "claim": 1}
    steps = [Step(**step, kind="step", started_at=at, completed_at=at)]

    def cancelled_with_a_child():
        empty(connections[USING], (Step, Workflow))
        Workflow.objects.bulk_create(rows)
        Step.objects.bulk_create(steps)

    def in_turn(first, second):
        cancelled_with_a_child()
        return first(), second(), state()

    one, two, after_both = in_turn(here, there)
    possible = [(one, two, after_both)]
    two, one, after_both = in_turn(there, here)
    possible.append((one, two, after_both))

    for met in meetings(cancelled_with_a_child, here, there):
        found = met.here, met.there, state()
        if found in possible:
            continue
        # What somebody holds, a pruner leaves to him: it is as if it had not come.
        assert "prune" in pair, (met.point, found, possible)
        assert found == as_if_nobody_had_pruned(pair, cancelled_with_a_child), met.point


def as_if_nobody_had_pruned(pair, prepare):
    """Return what comes of a pair when only the other of the two does something."""
    prepare()
    (other,) = {*pair} - {"prune"}
    done = answer(other)()
    return (*(0 if name == "prune" else done for name in pair), state())


# An operator and an execution.


def fork_after_the_last() -> tuple[int, int]:
    """Fork from the place where a workflow stands; say how many steps that has."""
    kept = Step.objects.filter(workflow="w").count()
    Workflow.objects.fork_one("w", kept + 1, options=COPY)
    return kept, Step.objects.filter(workflow="copy").count()


def test_a_fork_of_a_running_workflow_disturbs_nothing(movable):
    driver = Driver(movable, CODE)
    taken = []

    def held():
        queue(writing)
        taken[:] = [claim(driver)]

    for met in meetings(held, lambda: driver.run(taken[0]), fork_after_the_last):
        before, kept = met.there
        assert kept == before, met.point
        copied = Step.objects.filter(workflow="copy").values_list("step_id", "output")
        original = Step.objects.filter(workflow="w", step_id__lte=kept)
        assert list(copied.order_by("step_id")) == list(
            original.order_by("step_id").values_list("step_id", "output")
        ), met.point
        driver.settle()
        outcomes = Workflow.objects.values_list("status", "output")
        assert list(outcomes) == [("SUCCESS", 'json:"abcd"')] * 2, met.point
        again = [key for number, key in ((2, "b"), (4, "d")) if kept < number]
        assert entries() == sorted(["b", "d", *again]), met.point


def test_what_a_running_workflow_says_is_forked_as_a_whole(movable):
    driver = Driver(movable, __name__)
    taken = []

    def held():
        empty(connections[USING], SAID)
        clean()
        telling.using(workflow_id="w").start()
        taken[:] = [claim(driver)]

    for met in meetings(held, fork_after_the_last, lambda: driver.run(taken[0])):
        kept = Step.objects.filter(workflow="copy").count()
        values = ["json:0", "json:0", "json:1", "json:1", 'json:"inside"']
        said = values[:kept:2]
        assert list_of(StreamEntry, "offset") == list(range(len(said))), met.point
        assert list_of(StreamEntry, "value") == values[1:kept:2] + (
            ['json:"inside"'] if kept == 5 else []
        ), met.point
        assert list_of(Event, "value") == said[-1:], met.point
        driver.settle()
        assert list_of(StreamEntry, "value") == [*values[1:4:2], values[4]], met.point


def list_of(model, field):
    rows = model.objects.filter(workflow="copy").order_by("pk")
    return list(rows.values_list(field, flat=True))


@pytest.mark.parametrize("deletion", ["delete", "delete some"])
def test_a_deletion_passes_over_what_is_finishing_or_takes_it(movable, deletion):
    driver = Driver(movable, CODE)
    taken = []

    def held():
        queue(writing)
        taken[:] = [claim(driver)]

    refused = {"delete": "InvalidTransition", "delete some": 0}[deletion]
    for met in meetings(held, lambda: driver.run(taken[0]), answer(deletion)):
        if met.there == refused:
            assert Workflow.objects.get(pk="w").status == "SUCCESS", met.point
        else:
            assert met.there == 1, met.point
            assert not Workflow.objects.exists(), met.point
            assert not Step.objects.exists(), met.point


def delete_its_parent() -> int:
    """Delete a parent that has ended, and the child along with it."""
    now = clock.now()
    times = dict.fromkeys(("run_after", "created_at", "changed_at"), now)
    given = {"name": "parent", "version": "1", "inputs": "json:[{}]", **times}
    Workflow.objects.create(id="parent", status="SUCCESS", completed_at=now, **given)
    Workflow.objects.filter(pk="w").update(parent_id="parent")
    return Workflow.objects.delete_one("parent")["django_durable.Workflow"] - 1


DELETIONS = {
    "by its id": lambda: answer("delete")(),
    "with its parent": delete_its_parent,
    "by its age": lambda: durable.prune_workflows(older_than=0),
}


@pytest.mark.parametrize("delete", DELETIONS.values(), ids=DELETIONS)
def test_what_was_cancelled_and_deleted_while_it_ran_leaves_nothing(movable, delete):
    driver = Driver(movable, CODE)
    taken = []

    def held():
        queue(writing)
        taken[:] = [claim(driver)]

    def drop():
        Workflow.objects.cancel_one("w")
        movable.move_to(clock.now() + timedelta(seconds=1))
        return delete()

    went = 0
    for met in meetings(held, lambda: driver.run(taken[0]), drop):
        went += met.there
        # Pruning leaves what is locked to the next time.
        assert met.there or delete is DELETIONS["by its age"], met.point
        assert Workflow.objects.exists() == (not met.there), met.point
        assert not met.there or not Step.objects.exists(), met.point
    assert went


@pytest.mark.parametrize("delete", DELETIONS.values(), ids=DELETIONS)
def test_a_step_that_ends_while_its_workflow_is_deleted_leaves_nothing(movable, delete):
    driver = Driver(movable, CODE)
    taken = []

    def cancelled_in_a_step():
        queue(writing)
        taken[:] = [claim(driver)]
        Workflow.objects.cancel_one("w")
        movable.move_to(clock.now() + timedelta(seconds=1))

    for met in meetings(cancelled_in_a_step, delete, lambda: driver.run(taken[0])):
        assert met.here, met.point
        assert not Workflow.objects.exists(), met.point
        assert not Step.objects.exists(), met.point
