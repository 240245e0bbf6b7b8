"""The checker sees each violation: one is planted into a story without any."""

import json
import time
from contextlib import ExitStack, suppress
from datetime import timedelta
from functools import partial
from threading import Thread

import pytest
from django.db import connection

from django_durable import clock, serialization
from django_durable.models import (
    Notification,
    Schedule,
    Step,
    Stream,
    StreamEntry,
    Tick,
    Worker,
    Workflow,
)
from tests.chaos import resources
from tests.chaos.checker import PROMISES, Checker, Ended
from tests.chaos.dose import Campaign, Dose
from tests.chaos.limits import QueueLimits
from tests.chaos.resources import Resources
from tests.interleaving import observing
from tests.journeys.ledger import Ledger
from tests.journeys.processes import APPLICATION, wait_until
from tests.models import Entry

PID = 4711
WRITE = Step.Kind.WRITE_STREAM
EXPECTED = {"w": Ended(7)}


class Story:
    """One workflow that has succeeded under its second claim."""

    def __init__(self, directory):
        campaign = Campaign(None, "1")
        self.ledger = directory / "ledger"
        self.checker = Checker(Ledger(directory), Dose(campaign, "a::b", "story"))
        self.held = {}
        self.checker.resources = Resources(
            self.checker.dose, lambda: list(self.held), lambda pid: self.held[pid]
        )
        self.checker.limits = QueueLimits(
            self.checker.dose, "few", concurrency=1, rate=2, period=60
        )
        self.cleanup = ExitStack()
        self.expected = dict(EXPECTED)
        self.workflow = workflow("w", status="SUCCESS")
        self.call("w/1", 2)
        self.call("w/2", 2)
        step(1, Step.Kind.TRANSACTION)
        step(2, Step.Kind.STEP)
        Entry.objects.create(key="w/1", note="2")

    def call(self, place, claim, pid=PID):
        """Let the ledger tell of a call."""
        line = json.dumps(["begin", place, "w", claim, 1, pid])
        with self.ledger.open("a") as file:
            file.write(f"\n{line}\n")

    def invariants(self):
        """Return what the checker finds violated."""
        self.checker.look()
        with suppress(AssertionError):
            self.checker.verify(self.expected)
        found = self.checker.dose.report.violations
        return {invariant for invariant, count in found.items() if count}


@pytest.fixture
def story(db, tmp_path):
    story = Story(tmp_path)
    with story.cleanup:
        yield story


def workflow(pk, **facts):
    now = clock.now()
    times = dict.fromkeys(("run_after", "created_at", "changed_at"), now)
    facts = {"output": serialization.dumps(7, "result"), "claim": 2, **facts}
    return Workflow.objects.create(
        pk=pk, name="n", version="1", inputs="json:{}", **times, **facts
    )


def step(number, kind, claim=2, **facts):
    now = clock.now()
    facts = {"workflow_id": "w", "started_at": now, "completed_at": now, **facts}
    return Step.objects.create(
        step_id=number, kind=kind, name=f"s{number}", claim=claim, **facts
    )


def tick(workflow_id):
    """Let a schedule be due at a tick that it has had; or, without a row, not."""
    now = clock.now()
    if workflow_id == "w":
        times = dict.fromkeys(("next_at", "created_at", "changed_at"), now)
        Schedule.objects.create(name="s", inputs="json:[{}]", **times)
    Tick.objects.create(
        schedule_id="s", workflow_id=workflow_id, scheduled_at=now, created_at=now
    )


def change(**facts):
    """Change the workflow, as nobody should."""
    Workflow.objects.filter(pk="w").update(**facts)


def change_after_a_look(story, **facts):
    story.checker.look()
    change(**facts)


def let_a_dead_worker_hold_it(story):
    long_ago = clock.now() - timedelta(minutes=1)
    Worker.objects.register(Worker.Kind.WORKER)
    dead = Worker.objects.register(Worker.Kind.WORKER)
    Worker.objects.filter(pk=dead.pk).update(heartbeat_at=long_ago)
    story.checker.patience_seconds = 0
    workflow("held", status="PENDING", worker=dead)
    story.checker.look()


def commit_after_a_cancellation(story):
    change(status="CANCELLED")
    story.expected["w"] = Ended(status="CANCELLED")
    story.checker.look()
    story.call("w/3", 2)
    step(3, Step.Kind.TRANSACTION)
    Entry.objects.create(key="w/3", note="2")


def run_at_once(story, number):
    for pk in range(number):
        workflow(f"r{pk}", status="PENDING", queue_name="few")
        story.expected[f"r{pk}"] = Ended(7)
    story.checker.limits.note_running()
    Workflow.objects.filter(queue_name="few").update(status="SUCCESS")


def start_in_a_row(story, seconds):
    """Start three, so many seconds after each other."""
    begin = clock.now() - timedelta(hours=1)
    for number in range(3):
        at = begin + number * timedelta(seconds=seconds)
        workflow(f"w{number}", status="SUCCESS", queue_name="few", started_at=at)
        story.expected[f"w{number}"] = Ended(7)


def write(*offsets, next_offset=..., step_id=2):
    """Put entries into a stream."""
    if next_offset is not None:
        end = len(offsets) if next_offset is ... else next_offset
        Stream.objects.create(workflow_id="w", key="s", next_offset=end)
    place = {"workflow_id": "w", "key": "s", "step_id": step_id}
    for offset in offsets:
        StreamEntry.objects.create(
            **place, offset=offset, value="json:1", written_at=clock.now()
        )


def message(text, consumed_by=None):
    """Send a message, perhaps consumed already."""
    facts = {"destination_id": "w", "message": text, "sent_at": clock.now()}
    Notification.objects.create(**facts, consumed_by=consumed_by)


def receive(text):
    """Let a step receive a message."""
    step(3, Step.Kind.RECV, output=text)
    message(text, 3)


def unconsume():
    """Let a message that was received wait for a receiver again."""
    Notification.objects.update(consumed_by=None)


def orphan_a_child(story):
    workflow("parent", status="CANCELLED")
    workflow("child", status="ENQUEUED", parent_id="parent")


def connect_as_a_worker(story):
    """Return a cursor of a connection that might be a worker's."""
    cursor = story.cleanup.enter_context(observing())
    cursor.execute("SELECT set_config('application_name', %s, false)", [APPLICATION])
    return cursor


def begin_and_forget(story):
    story.held[PID] = 0
    story.checker.resources.idle_seconds = 0
    connect_as_a_worker(story).execute("BEGIN")


def wait_for_a_lock(story):
    story.held[PID] = 0
    story.checker.resources.lock_seconds = 0
    holder, waiter = connect_as_a_worker(story), connect_as_a_worker(story)
    holder.execute("SELECT pg_advisory_lock(7)")
    thread = Thread(target=waiter.execute, args=["SELECT pg_advisory_lock(7)"])
    thread.start()
    story.cleanup.callback(thread.join)
    story.cleanup.callback(holder.execute, "SELECT pg_advisory_unlock(7)")
    wait_until(is_somebody_waiting, "a waiter")


def is_somebody_waiting():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone() != (0,)


def connect_too_often(story):
    connect_as_a_worker(story)


def grow(story, megabytes, minutes=10):
    """Let a worker grow after it has become warm."""
    began_at = time.monotonic()
    for at, held in ((0, 0), (resources.WARM_SECONDS, 50), (minutes * 60, megabytes)):
        story.checker.resources.now = partial(float, began_at + at)
        story.held[PID] = held * 2**20
        story.checker.look()


PLANTED = {
    "I1 a second business row": lambda s: Entry.objects.create(key="w/1", note="2"),
    "I1 a business row without a checkpoint": lambda s: Entry.objects.create(key="w/8"),
    "I1 a checkpoint without a business row": lambda s: Entry.objects.all().delete(),
    "I1 a business row of another claim": lambda s: Entry.objects.update(note="1"),
    "I2 a step that nobody called": lambda s: step(3, Step.Kind.STEP),
    "I2 a repeated call": lambda s: s.call("w/2", 2),
    "I2 a call made twice": lambda s: (s.call("w/2", 2), s.checker.excuse(PID)),
    "I2 a call after the checkpoint": lambda s: (
        s.call("w/2", 3, pid=1),
        s.checker.excuse(1),
    ),
    "I3 a call of no step": lambda s: s.call("w/9", 2),
    "I4 another outcome": lambda s: change_after_a_look(s, claim=4),
    "I5 a wrong result": lambda s: change(output=serialization.dumps(8, "result")),
    "I5 an error": lambda s: change(status="ERROR"),
    "I6 a gap": lambda s: (s.call("w/4", 2), step(4, Step.Kind.STEP)),
    "I7 an older claim": lambda s: Step.objects.filter(step_id=2).update(claim=1),
    "I7 a claim not given": lambda s: change(claim=1),
    "I8 a late commit": commit_after_a_cancellation,
    "I9 a gap": lambda s: write(0, 2, 3),
    "I9 a counter that is behind": lambda s: write(0, 1, next_offset=1),
    "I9 a counter that is ahead": lambda s: write(0, next_offset=2),
    "I9 a stream without a counter": lambda s: write(0, next_offset=None),
    "I9 a value written twice": lambda s: (step(3, WRITE), write(0, 1, step_id=3)),
    "I9 a value that is not there": lambda s: step(3, WRITE),
    "I9 a refused value": lambda s: (step(3, WRITE, error="{}"), write(0, step_id=3)),
    "I9 a value of no step": lambda s: write(0, step_id=9),
    "I10 two messages of one step": lambda s: (receive("a"), message("b", 3)),
    "I10 a message not consumed": lambda s: (receive("a"), unconsume()),
    "I10 a message of nobody": lambda s: message("a", 9),
    "I10 a message that a timed out wait consumed": lambda s: (
        step(3, Step.Kind.RECV, error="{}"),
        message("a", 3),
    ),
    "I10 another message": lambda s: (
        step(3, Step.Kind.RECV, output="b"),
        message("a", 3),
    ),
    "I10 a message sent twice": lambda s: (message("a"), message("a")),
    "I11 a forgotten workflow": let_a_dead_worker_hold_it,
    "I12 too many at once": lambda s: run_at_once(s, 2),
    "I12 too many in a period": lambda s: start_in_a_row(s, 29),
    "I13 a tick of nothing": lambda s: tick("gone"),
    "I13 a tick to come again": lambda s: tick("w"),
    "I14 an orphan": orphan_a_child,
    "I16 a transaction that idles": begin_and_forget,
    "I16 a wait for a lock": wait_for_a_lock,
    "I16 a connection too many": connect_too_often,
    "I17 a worker that grows": lambda s: grow(s, 90),
    "I15 a lost workflow": lambda s: s.expected.update(lost=Ended(1)),
    "I15 a lost child": lambda s: step(3, Step.Kind.START, child_id="w/3"),
    "I15 an unfinished workflow": lambda s: workflow("x", status="WAITING"),
}
# What comes with it: the same fact seen from another side.
ALSO = {
    "I7 an older claim": {"I2"},
    "I11 a forgotten workflow": {"I15"},
    "I14 an orphan": {"I15"},
}


def test_a_story_without_faults_passes(story):
    assert story.invariants() == set()


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_violation_is_found(planted, story):
    if planted.startswith("I16") and connection.vendor != "postgresql":
        pytest.skip("This database is a file: there is no server to ask.")
    PLANTED[planted](story)

    found = story.invariants()

    assert found == {planted.partition(" ")[0]} | ALSO.get(planted, set())


def test_limits_that_are_kept_are_not_found(story):
    run_at_once(story, 1)
    start_in_a_row(story, 30)

    assert story.invariants() == set()


def test_a_worker_that_grows_less_is_not_found(story):
    grow(story, 60)
    grow(story, 75, minutes=60)

    assert story.invariants() == set()
    assert "I17" in story.checker.dose.report.violations


def test_memory_that_nobody_has_looked_at_long_enough_is_not_said_to_be_well(story):
    assert story.invariants() == set()

    assert "I17" not in story.checker.dose.report.violations
    assert "I15" in story.checker.dose.report.violations


def test_a_failure_tells_what_where_and_how_to_repeat_it(story):
    change(status="ERROR")

    with pytest.raises(AssertionError) as failure:
        story.checker.verify(story.expected)

    assert "I5: w is ERROR" in str(failure.value)
    assert "CHAOS_SEED=1 repeats it" in str(failure.value)


def test_every_invariant_has_been_planted():
    assert {planted.partition(" ")[0] for planted in PLANTED} == set(PROMISES)
