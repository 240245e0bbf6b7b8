"""A deadline against everything else that may happen in the same moment."""

import sys
from datetime import timedelta

import pytest
from django.db import transaction

import django_durable as durable
from django_durable.models import Workflow
from django_durable.models.claims import Claimed
from django_durable.wakeup import hub
from tests.crash.driver import Driver, MovableClock
from tests.interleaving import Elsewhere, meetings, needs_row_locks
from tests.racing import (
    CODE,
    calling,
    claim,
    clean,
    entries,
    napping,
    row,
    starting,
    writing,
)
from tests.running import COLD, result_of, row_of, wait_until, worker

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = timedelta(minutes=1)
# Seconds that no test takes.
HOUR = 3600
LATE = ("CANCELLED", "deadline")


@pytest.fixture
def driver(movable: MovableClock) -> Driver:
    """A worker of this thread."""
    return Driver(movable, CODE)


def queue(definition, movable):
    """Start one that is overdue a minute later."""
    clean()
    definition.using(workflow_id="w", timeout=MINUTE).start()


def strike():
    """Do what any worker's timer does; return the business rows that then stand."""
    took = Workflow.objects.cancel_overdue()
    return entries() if took else None


def ending_of(pk="w"):
    found = row(pk)
    return found.status, found.cancel_reason


@pytest.mark.parametrize(
    ("definition", "is_reversed"),
    [(writing, False), (napping, False), (calling, True)],
    ids=["writing", "napping", "calling"],
)
def test_a_deadline_and_an_end_agree_on_who_was_first(
    driver, movable, definition, is_reversed
):
    taken: list[Claimed] = []

    def held():
        queue(definition, movable)
        taken[:] = [claim(driver)]
        # Overdue for whoever asks the rows; not yet for the code that runs.
        Workflow.objects.update(deadline=movable.now())

    def execute():
        driver.run(taken[0])

    sides = (strike, execute) if is_reversed else (execute, strike)
    for met in meetings(held, *sides):
        stood = met.here if is_reversed else met.there
        if stood is None:  # It ended before, or its row was busy: then the next look.
            was_busy = strike() is not None
            assert ending_of() == (LATE if was_busy else ("SUCCESS", "")), met.point
        else:
            assert ending_of() == LATE, met.point
            assert entries() == stood, met.point
    assert not Workflow.objects.filter(status="PENDING").exists()


def test_two_timers_cancel_once(movable):
    def overdue():
        queue(starting, movable)
        movable.move_to(movable.now() + MINUTE)

    for met in meetings(overdue, strike, strike):
        assert sorted([met.here is None, met.there is None]) == [False, True], met.point
        assert ending_of() == LATE, met.point


def test_a_person_and_a_deadline_give_one_reason(movable):
    def overdue():
        queue(starting, movable)
        movable.move_to(movable.now() + MINUTE)

    def person():
        return Workflow.objects.cancel_one("w", "by hand")

    for met in meetings(overdue, person, strike):
        reason = "by hand" if met.here else "deadline"
        assert ending_of() == ("CANCELLED", reason), met.point
        assert met.here is (met.there is None), met.point


def test_a_resumption_is_not_cancelled_by_the_deadline_that_it_drops(movable):
    def cancelled():
        queue(starting, movable)
        movable.move_to(movable.now() + MINUTE)
        Workflow.objects.cancel_one("w", "by hand")

    for met in meetings(cancelled, lambda: Workflow.objects.resume_one("w"), strike):
        assert met.there is None, met.point
        assert ending_of() == ("ENQUEUED", ""), met.point


def test_a_timer_leaves_a_row_that_somebody_holds_for_later(movable):
    needs_row_locks()
    queue(starting, movable)
    starting.using(workflow_id="other", timeout=MINUTE).start()
    movable.move_to(movable.now() + MINUTE)

    with transaction.atomic():
        Workflow.objects.select_for_update().get(pk="w")
        took = Elsewhere(Workflow.objects.cancel_overdue).result()
    later = Workflow.objects.cancel_overdue()

    assert (took, later) == (1, 1)
    assert ending_of() == ending_of("other") == LATE


# In workers.


@durable.workflow
def sleepy(seconds):
    durable.sleep(seconds)


@durable.workflow
async def asleepy(seconds):
    await durable.asleep(seconds)


@pytest.fixture
def by_timers(monkeypatch):
    """Let nothing come to pass only since somebody looks every second anyway."""
    module = sys.modules[type(hub).__module__]
    monkeypatch.setattr(module, "SLOW_LOOK_SECONDS", HOUR)


@pytest.mark.parametrize("definition", [sleepy, asleepy])
def test_a_worker_cancels_what_sleeps_as_soon_as_it_is_late(
    settings, by_timers, definition
):
    settings.DURABLE = COLD

    with worker():
        handle = definition.using(timeout=0.2).start(HOUR)
        with pytest.raises(durable.WorkflowCancelled, match="deadline"):
            result_of(handle)

    row = row_of(handle)
    assert row.completed_at >= row.deadline


@pytest.mark.parametrize("definition", [sleepy, asleepy])
def test_what_waits_in_memory_leaves_it_when_it_is_late(settings, definition):
    settings.DURABLE = {"HOT_WAIT": 2 * HOUR, "ASYNC_HOT_WAIT": 2 * HOUR}

    with worker() as running:
        handle = definition.using(timeout=0.2).start(HOUR)
        with pytest.raises(durable.WorkflowCancelled, match="deadline"):
            result_of(handle)
        wait_until(lambda: running.is_idle, "an idle worker")


def test_a_worker_ends_what_it_has_no_code_for(by_timers):
    handle = sleepy.using(timeout=0.2).start(0)
    Workflow.objects.update(version="of yesterday")

    with worker(), pytest.raises(durable.WorkflowCancelled, match="deadline"):
        result_of(handle)


def test_a_direct_call_needs_no_worker_to_end():
    with pytest.raises(durable.WorkflowCancelled, match="deadline"):
        sleepy.using(timeout=0.05)(HOUR)
