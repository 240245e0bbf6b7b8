"""Two workers come to one tick, or a person pauses it while one fires."""

from datetime import timedelta

import pytest
from django.db import connections, transaction

import django_durable as durable
from django_durable import clock
from django_durable.definitions import schedules
from django_durable.execution import scheduling
from django_durable.models import Schedule, Tick, Workflow
from django_durable.worker.scheduling import Scheduling
from tests.crash.crasher import USING
from tests.emptying import empty
from tests.interleaving import elsewhere, meetings, needs_row_locks
from tests.schedules.definitions import report, utc

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def at_noon(movable):
    """Stop the clock at noon, when a tick has come."""
    movable.move_to(utc("2030-01-01 12:00"))


def due(**options):
    """Have a tick that has come, and nothing else."""

    def prepare():
        empty(connections[USING], (Tick, Schedule, Workflow))
        schedules.forget("a")
        options_ = {"name": "a", "time_zone": "UTC", **options}
        durable.schedule("0 * * * *", **options_)(report)
        scheduling.declare(USING, schedules.all_schedules())
        Schedule.objects.update(next_at=utc("2030-01-01 12:00"))

    return prepare


def fire():
    return scheduling.fire(USING, schedules.find("a"))


def moments():
    rows = Tick.objects.order_by("scheduled_at").select_related("workflow")
    assert all(row.workflow for row in rows)
    assert Workflow.objects.count() == len(rows)
    return [(f"{row.scheduled_at:%H:%M}", row.kind) for row in rows]


@pytest.mark.parametrize("overlap", ["skip", "allow"])
def test_of_two_workers_that_come_to_one_tick_one_fires(overlap):
    for met in meetings(due(overlap=overlap), fire, fire):
        assert sorted([met.here, met.there]) in ([False, True], [False, False]), (
            met.point
        )
        fire()  # What both have left to each other is found by the next look.
        assert moments() == [("12:00", "due")], met.point
        row = Schedule.objects.get()
        assert row.next_at == utc("2030-01-01 13:00"), met.point
        assert (row.skipped, row.skipped_in_row) == (0, 0), met.point


def test_nothing_is_fired_after_the_commit_of_a_pause():
    def pause():
        assert Schedule.objects.pause("a")
        return Tick.objects.count()

    before = []
    for met in meetings(due(), fire, pause):
        before.append(met.there)
        assert Tick.objects.count() == met.there, met.point
        assert not fire(), met.point

    assert set(before) == {0, 1}


def test_what_is_run_by_hand_in_a_long_transaction_holds_up_no_tick():
    needs_row_locks()
    due(overlap="allow")()

    with transaction.atomic():
        durable.run_schedule("a")
        now = clock.now()
        durable.backfill_schedule("a", now - HOUR, now - HOUR)
        assert elsewhere(fire) is True

    assert {kind for _, kind in moments()} == {"backfill", "due", "hand"}


def test_a_tick_comes_once_beside_a_backfill_of_it():
    def backfill():
        return durable.backfill_schedule(
            "a", utc("2030-01-01 11:30"), utc("2030-01-01 12:00")
        )

    for met in meetings(due(overlap="allow"), fire, backfill):
        fire()
        (found,) = moments()
        assert found[0] == "12:00", met.point
        assert len(met.there) == (found[1] == "backfill"), met.point


def test_a_schedule_that_is_deleted_while_it_fires_leaves_no_ticks():
    for met in meetings(due(), fire, lambda: Schedule.objects.forget("a")):
        assert not Schedule.objects.exists(), met.point
        assert not Tick.objects.exists(), met.point
        assert Workflow.objects.count() in (0, 1), met.point


def test_a_row_that_somebody_holds_keeps_no_worker_from_its_start():
    needs_row_locks()
    due()()
    schedules.forget("a")
    durable.schedule("30 * * * *", name="a", time_zone="UTC")(report)
    durable.schedule("0 * * * *", name="b", time_zone="UTC")(report)

    def begin():
        looking = Scheduling(USING)
        looking.declare()
        return looking

    with Schedule.objects.locked("a"):
        looking = elsewhere(begin)
    before = {row.name: row.cron for row in Schedule.objects.all()}
    looking.look()

    assert before == {"a": "0 * * * *", "b": "0 * * * *"}
    assert Schedule.objects.get(name="a").cron == "30 * * * *"
