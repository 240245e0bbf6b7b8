"""What has come is started once, in time, and what was missed as the policy says."""

import datetime as dt
import logging

import pytest
from django.db import transaction

import django_durable as durable
from django_durable import clock
from django_durable.definitions import schedules
from django_durable.execution import scheduling
from django_durable.models import Schedule, Tick, Workflow
from django_durable.testing import crash_everywhere, run_until_idle, virtual_time
from tests.schedules.definitions import daily_sales, long_report, report, utc

pytestmark = pytest.mark.django_db

HOUR = dt.timedelta(hours=1)


def declare(cron, workflow=report, name="a", **options):
    options = {"time_zone": "UTC", **options}
    durable.schedule(cron, name=name, **options)(workflow)


def ticks(name="a"):
    """Return the moments of a schedule, those that were skipped in brackets."""
    rows = Tick.objects.filter(schedule=name).order_by("scheduled_at")
    texts = [(f"{row.scheduled_at:%d %H:%M:%S}", row.is_skipped) for row in rows]
    return [f"({text})" if is_skipped else text for text, is_skipped in texts]


def fire(name="a"):
    """Look as a worker does, until nothing more is due."""
    looks = 0
    while scheduling.fire("default", schedules.find(name)):
        looks += 1
    return looks


def test_a_schedule_fires_at_each_of_its_moments():
    declare("0 3 * * *", daily_sales, time_zone="Europe/Berlin")

    with virtual_time(utc("2026-11-27 12:00"), schedules=True) as time:
        executed = time.run_for(days=3)

    assert executed == 3
    assert ticks() == ["28 02:00:00", "29 02:00:00", "30 02:00:00"]
    found = Workflow.objects.for_schedule("a").order_by("pk")
    assert [(row.pk, row.status) for row in found[:1]] == [
        ("a@2026-11-28T02:00:00Z", "SUCCESS")
    ]
    assert durable.retrieve_workflow(found[0].pk).get_result() == "2026-11-28 all"


def test_nothing_fires_in_a_test_that_does_not_ask_for_it():
    declare("* * * * *")

    with virtual_time() as time:
        assert time.run_for(hours=1) == 0
    with virtual_time(schedules=["a"]) as time:
        assert time.run_for(minutes=2) == 2
    run_until_idle()

    assert Workflow.objects.count() == 2
    with pytest.raises(durable.ScheduleNotFound, match="mean 'a'"):
        virtual_time(schedules="A").__enter__()


def test_a_schedule_waits_for_its_moment():
    declare("0 3 * * *")

    with virtual_time(utc("2026-11-27 12:00"), schedules=True) as time:
        time.advance(hours=14, minutes=59, seconds=59)
        assert (fire(), ticks()) == (0, [])
        time.advance(1)
        assert (fire(), fire(), ticks()) == (1, 0, ["28 03:00:00"])


SPRING = ["2026-03-29 01:00", "2026-03-30 00:30"]  # 03:00 and 02:30 in summer.
AUTUMN = ["2026-10-25 00:30", "2026-10-26 01:30"]  # 02:30 in summer and in winter.


@pytest.mark.once
@pytest.mark.parametrize("nights", [SPRING, AUTUMN])
def test_where_clocks_change_each_night_has_one_tick(nights):
    declare("30 2 * * *", time_zone="Europe/Berlin")
    start = utc(nights[0]).replace(hour=12) - 24 * HOUR

    with virtual_time(start, schedules=True) as time:
        for _ in range(2 * 24 * 2):  # Each half hour, as workers may look.
            time.advance(minutes=30)
            fire()

    found = Tick.objects.order_by("scheduled_at")
    assert [f"{row.scheduled_at:%Y-%m-%d %H:%M}" for row in found] == nights


@pytest.mark.once
def test_an_hourly_schedule_fires_each_hour_of_the_night_with_one_more():
    declare("*/30 * * * *", time_zone="Europe/Berlin")

    with virtual_time(utc("2026-10-24 22:00"), schedules=True) as time:
        time.run_for(hours=6)

    assert len(ticks()) == 12


MISSED = {
    "none": [],
    "one": ["27 15:00:00"],
    "all": ["27 13:00:00", "27 14:00:00", "27 15:00:00"],
}


@pytest.mark.parametrize("catch_up", list(MISSED))
def test_what_three_hours_without_a_worker_have_missed(catch_up):
    declare("0 * * * *", catch_up=catch_up, overlap="allow")

    with virtual_time(utc("2026-11-27 12:00"), schedules=True) as time:
        time.advance(hours=3, minutes=30)
        run_until_idle()
        assert ticks() == MISSED[catch_up]
        assert Schedule.objects.get().next_at == utc("2026-11-27 16:00")
        time.run_for(minutes=30)

    assert ticks() == [*MISSED[catch_up], "27 16:00:00"]


@pytest.mark.parametrize("policy", ["none", "one"])
def test_what_is_a_few_seconds_late_was_not_missed(policy):
    declare("*/5 * * * * *", catch_up=policy, overlap="allow")

    with virtual_time(utc("2026-11-27 12:00"), schedules=True) as time:
        time.advance(22)
        assert fire() == 1

    # Of those within fifteen seconds, each.
    assert ticks() == ["27 12:00:10", "27 12:00:15", "27 12:00:20"]


def test_what_was_missed_is_made_up_for_in_batches():
    declare("* * * * *", catch_up="all", overlap="allow")

    with virtual_time(utc("2026-11-27 12:00"), schedules=True) as time:
        time.advance(minutes=250)
        looks = fire()

    assert (looks, len(ticks()), Workflow.objects.count()) == (3, 250, 250)


@pytest.mark.once
def test_ten_thousand_missed_seconds_are_not_counted_one_by_one():
    declare("* * * * * *", catch_up="one", overlap="allow")

    with virtual_time(utc("2026-11-27 12:00"), schedules=True) as time:
        time.advance(days=300)
        assert fire() == 1

    assert len(ticks()) == 16


@pytest.mark.once
def test_a_rare_schedule_is_made_up_for_after_months():
    declare("0 0 1 1 *")

    with virtual_time(utc("2025-11-27 12:00"), schedules=True) as time:
        time.advance(days=400)
        assert fire() == 1

    assert ticks() == ["01 00:00:00"]


def test_a_job_that_is_longer_than_the_time_between_its_ticks_runs_once():
    declare("* * * * * *", long_report)

    with virtual_time(utc("2026-11-27 12:00"), schedules=True) as time:
        for _ in range(5):
            time.run_for(1)
        row = Schedule.objects.get()
        assert Workflow.objects.count() == 1
        assert (row.skipped, row.skipped_in_row) == (4, 4)
        assert ticks()[:2] == ["27 12:00:01", "(27 12:00:02)"]
        assert [tick.is_skipped for tick in row.recent(5)] == [True] * 4 + [False]
        durable.send(Workflow.objects.get().pk, 1, "done")
        run_until_idle()
        time.run_for(2)
        row.refresh_from_db()

    assert Workflow.objects.count() == 2
    assert (row.skipped, row.skipped_in_row) == (5, 1)


def test_what_was_skipped_is_kept_for_a_while_only():
    declare("* * * * * *", long_report)

    with virtual_time(utc("2026-11-27 12:00"), schedules=True) as time:
        for _ in range(20):
            time.advance(14)
            fire()

    assert Schedule.objects.get().skipped == 20 * 14 - 1
    assert Tick.objects.count() == 101


def test_a_run_by_hand_counts_as_the_last_one_and_a_backfill_does_not():
    declare("0 * * * *", long_report)

    with virtual_time(utc("2026-11-27 12:30"), schedules=True) as time:
        by_hand = durable.run_schedule("a")
        time.run_for(hours=1)
        assert ticks()[1:] == ["(27 13:00:00)"]
        durable.cancel_workflow(by_hand.workflow_id)
        durable.backfill_schedule("a", clock.now() - 4 * HOUR, clock.now() - 2 * HOUR)
        time.run_for(hours=1)

    assert ticks()[-1] == "27 14:00:00"


def test_whatever_has_not_ended_counts_however_much_was_started_since():
    declare("0 * * * *", long_report)

    with virtual_time(utc("2026-11-27 12:30"), schedules=True) as time:
        time.run_for(hours=1)
        for _ in range(30):
            durable.cancel_workflow(durable.run_schedule("a").workflow_id)
        time.run_for(hours=1)
        first = Tick.objects.earliest("scheduled_at").workflow_id
        durable.cancel_workflow(first)
        time.run_for(hours=1)

    assert [text for text in ticks() if text.endswith("00:00)")] == ["(27 14:00:00)"]
    assert ticks()[-1] == "27 15:00:00"


def test_what_was_cancelled_counts_again_when_it_is_resumed():
    declare("0 * * * *", long_report)

    with virtual_time(utc("2026-11-27 12:30"), schedules=True) as time:
        time.run_for(hours=1)
        first = Tick.objects.get().workflow_id
        durable.cancel_workflow(first)
        time.run_for(hours=1)
        durable.cancel_workflow(Tick.objects.latest("scheduled_at").workflow_id)
        durable.resume_workflow(first)
        time.run_for(hours=1)

    assert ticks() == ["27 13:00:00", "27 14:00:00", "(27 15:00:00)"]


def test_a_pause_is_not_made_up_for():
    declare("0 * * * *", catch_up="all", overlap="allow")

    with virtual_time(utc("2026-11-27 12:00"), schedules=True) as time:
        time.run_for(hours=1)
        durable.pause_schedule("a")
        time.run_for(hours=3)
        durable.resume_schedule("a")
        time.run_for(hours=1)

    assert ticks() == ["27 13:00:00", "27 17:00:00"]


def test_a_backfill_leaves_out_what_has_come_and_what_it_did_before():
    declare("0 * * * *", overlap="allow")

    with virtual_time(utc("2026-11-27 12:00"), schedules=True) as time:
        time.run_for(hours=2)
        start, end = clock.now() - 4 * HOUR, clock.now()
        handles = durable.backfill_schedule("a", start, end)

    assert [handle.workflow_id[-9:-4] for handle in handles] == [
        "10:00",
        "11:00",
        "12:00",
    ]
    assert len(ticks()) == 5


def test_a_backfill_makes_up_for_what_was_skipped_however_long_ago():
    declare("* * * * * *", long_report)

    with virtual_time(utc("2026-11-27 12:00"), schedules=True) as time:
        for _ in range(15):
            time.advance(10)
            fire()
        start = utc("2026-11-27 12:00:01")
        times = [(start, 90), (start + dt.timedelta(seconds=90), 59)]
        made = [
            durable.backfill_schedule("a", at, at + dt.timedelta(seconds=seconds))
            for at, seconds in times
        ]

    assert [len(handles) for handles in made] == [90, 59]
    assert not Tick.objects.skipped().exists()


def test_a_tick_that_a_backfill_took_first_is_not_fired_again():
    declare("0 * * * *")

    with virtual_time(utc("2026-11-27 12:00"), schedules=True) as time:
        time.advance(hours=1)
        durable.backfill_schedule("a", clock.now(), clock.now())
        run_until_idle()

    assert Workflow.objects.count() == 1
    assert Schedule.objects.get().next_at == utc("2026-11-27 14:00")


@pytest.mark.parametrize("is_taken", [False, True])
def test_a_clock_that_steps_back_brings_no_tick_twice(is_taken):
    declare("0 * * * *", overlap="allow")

    with virtual_time(utc("2026-11-27 12:59:58"), schedules=True) as time:
        if is_taken:  # So that the id of the workflow keeps nobody from another one.
            long_report.using(workflow_id="a@2026-11-27T13:00:00Z").start()
        time.run_for(3)
        time.move_to(clock.now() - dt.timedelta(seconds=5))
        time.run_for(10)
        time.move_to(clock.now() - HOUR)
        # A pause counts the next tick from a moment that comes again.
        durable.pause_schedule("a")
        durable.resume_schedule("a")
        assert Schedule.objects.get().next_at == utc("2026-11-27 13:00")
        time.run_for(hours=2)

    assert ticks() == ["27 13:00:00", "27 14:00:00"]
    assert Workflow.objects.filter(name=report.name).count() == 2


def test_an_id_that_is_taken_does_not_stop_the_schedule():
    declare("0 * * * *", overlap="allow")
    taken = "a@2026-11-27T13:00:00Z"

    with virtual_time(utc("2026-11-27 12:00"), schedules=True) as time:
        long_report.using(workflow_id=taken).start()
        report.using(workflow_id="a@2026-11-27T14:00:00Z").start("mine")
        time.run_for(hours=3)

    first, second, third = Tick.objects.order_by("scheduled_at")
    assert first.workflow_id.startswith(f"{taken}~")
    assert first.workflow.name == report.name
    # Somebody has started this one beforehand.
    assert durable.retrieve_workflow(second.workflow_id).get_result() == "mine"
    assert third.workflow_id == "a@2026-11-27T15:00:00Z"


def test_what_is_logged_names_schedule_and_workflow(caplog):
    declare("0 * * * *", long_report)

    with (
        caplog.at_level(logging.INFO, "django_durable"),
        virtual_time(utc("2026-11-27 12:00"), schedules=True) as time,
    ):
        time.run_for(hours=2)
        time.advance(hours=3, minutes=1)
        run_until_idle()

    assert "Schedule a started workflow a@2026-11-27T13:00:00Z" in caplog.messages
    assert any(text.startswith("Schedule a skipped") for text in caplog.messages)
    missed = "Schedule a missed what was due at 2026-11-27 15:00:00+00:00"
    assert missed in caplog.messages


def test_nothing_is_logged_of_what_was_rolled_back(caplog):
    declare("0 * * * *")

    with caplog.at_level(logging.INFO, "django_durable"), transaction.atomic():
        durable.run_schedule("a")
        transaction.set_rollback(True)

    assert caplog.messages == []


def test_a_crash_at_any_write_of_a_tick_changes_nothing():
    declare("0 * * * *", daily_sales, catch_up="all", overlap="allow")

    def two_hours():
        with virtual_time(utc("2026-11-27 12:00"), schedules=True) as time:
            time.advance(hours=2)
            run_until_idle()
        return ticks(), Schedule.objects.get().next_at

    assert crash_everywhere(two_hours) >= 10


def test_a_crash_at_any_write_of_a_skipped_tick_changes_nothing():
    declare("0 * * * *", long_report)

    def an_hour():
        with virtual_time(utc("2026-11-27 12:30"), schedules=True) as time:
            durable.pause_queue("default")
            durable.run_schedule("a")
            time.advance(hours=1)
            run_until_idle()
        row = Schedule.objects.get()
        return ticks(), row.next_at, row.skipped, row.skipped_in_row

    assert crash_everywhere(an_hour) >= 8
