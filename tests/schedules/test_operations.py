"""What people do with schedules: pause, resume, run, make up for the past."""

import datetime as dt

import pytest
from asgiref.sync import async_to_sync
from django.db import transaction
from django.utils.translation import gettext_lazy

import django_durable as durable
from django_durable import clock
from django_durable.management.diagnosis.schedules import look_at_schedules
from django_durable.models import Schedule, Tick, Workflow
from django_durable.testing import arun_until_idle, run_until_idle, virtual_time
from tests.command_line import cli
from tests.schedules.definitions import daily_sales, report, utc

__all__ = ["cli"]

pytestmark = pytest.mark.django_db

Kind = Tick.Kind


@pytest.fixture
def sales():
    """Declare a schedule in Berlin, at noon in UTC on a Friday."""
    options = {"name": "sales", "time_zone": "Europe/Berlin"}
    durable.schedule("30 2 * * *", **options)(daily_sales)
    with virtual_time(utc("2026-11-27 12:00")) as time:
        yield time


def ticks():
    rows = Tick.objects.order_by("scheduled_at")
    return [(f"{row.scheduled_at:%m-%d %H:%M}", row.kind) for row in rows]


def test_a_schedule_is_run_by_hand_and_no_worker_has_to_know_it(sales):
    handle = durable.run_schedule("sales")
    run_until_idle()

    assert handle.created
    assert handle.workflow_id == "sales@2026-11-27T12:00:00.000000Z"
    assert handle.get_result() == "2026-11-27 all"
    assert ticks() == [("11-27 12:00", Kind.HAND)]
    assert [row.pk for row in Workflow.objects.for_schedule("sales")] == [
        handle.workflow_id
    ]


def test_two_runs_by_hand_at_one_moment_are_two(sales):
    first, second = durable.run_schedule("sales"), durable.run_schedule("sales")

    assert (first.created, second.created) == (True, True)
    assert second.workflow_id == "sales@2026-11-27T12:00:00.000001Z"
    assert ticks() == [("11-27 12:00", Kind.HAND)] * 2


def test_a_run_by_hand_belongs_to_the_transaction_around_it(sales):
    with transaction.atomic():
        durable.run_schedule("sales")
        transaction.set_rollback(True)

    assert not Workflow.objects.exists()
    assert not Tick.objects.exists()


def test_a_backfill_starts_what_would_have_come_once(sales):
    durable.backfill_schedule("sales", utc("2026-11-25 01:30"), utc("2026-11-26"))
    handles = durable.backfill_schedule(
        "sales", utc("2026-11-24 01:30"), utc("2026-11-27 01:30")
    )
    run_until_idle()

    assert [handle.created for handle in handles] == [True] * 3
    assert [handle.get_result() for handle in handles] == [
        "2026-11-24 all",
        "2026-11-26 all",
        "2026-11-27 all",
    ]
    assert ticks() == [(f"11-{day} 01:30", Kind.BACKFILL) for day in (24, 25, 26, 27)]


def test_a_backfill_starts_a_hundred_and_no_more(sales):
    end = utc("2026-11-27 01:30")

    with pytest.raises(ValueError, match=r"more than 100 ticks.*2026-11-27 01:30"):
        durable.backfill_schedule("sales", end - dt.timedelta(days=101), end)
    assert not Schedule.objects.get().ticks.exists()
    handles = durable.backfill_schedule("sales", end - dt.timedelta(days=100), end)

    assert len(handles) == 100
    assert Workflow.objects.count() == 100


def test_a_backfill_of_what_cannot_be_is_refused(sales):
    now = clock.now()

    with pytest.raises(ValueError, match="for the past"):
        durable.backfill_schedule("sales", now, now + dt.timedelta(seconds=1))
    with pytest.raises(ValueError, match="before start"):
        durable.backfill_schedule("sales", now, now - dt.timedelta(seconds=1))
    with pytest.raises(ValueError, match="aware"):
        durable.backfill_schedule("sales", dt.datetime(2026, 1, 1), now)
    with pytest.raises(TypeError, match="end must be a datetime"):
        durable.backfill_schedule("sales", now, "2026-01-01")
    for year in (dt.datetime.min, dt.datetime.max):
        with pytest.raises(ValueError, match="must not be at the end of"):
            durable.backfill_schedule("sales", year.replace(tzinfo=dt.UTC), now)
    assert durable.backfill_schedule("sales", now, now) == []


@durable.step
def run():
    now = clock.now()
    handles = durable.backfill_schedule("sales", now, now)
    return [*handles, durable.run_schedule("sales").workflow_id]


@durable.workflow
def manage(of_body):
    now = durable.now()
    if of_body:
        with pytest.raises(RuntimeError, match="call it in a step"):
            durable.run_schedule("sales")
        with pytest.raises(RuntimeError, match="call it in a step"):
            durable.backfill_schedule("sales", now, now)
    else:
        run()
    durable.sleep(1)


@pytest.mark.parametrize("of_body", [True, False])
def test_a_workflow_starts_schedules_in_steps_only(sales, of_body):
    handle = manage.start(of_body)
    run_until_idle()
    sales.run_for(1)

    assert handle.get_status() == "SUCCESS"
    assert Workflow.objects.for_schedule("sales").count() == (0 if of_body else 1)
    assert not Workflow.objects.exclude(parent=None).exists()


def test_a_schedule_is_paused_and_resumed_once(sales):
    durable.run_schedule("sales")
    took = [durable.pause_schedule("sales", "no data"), durable.pause_schedule("sales")]
    paused = Schedule.objects.get()
    by_hand = durable.run_schedule("sales")
    sales.advance(days=3)
    back = [durable.resume_schedule("sales"), durable.resume_schedule("sales")]
    row = Schedule.objects.get()

    assert (took, back) == ([True, False], [True, False])
    assert (paused.pause_reason, paused.paused_by) == ("no data", "")
    assert (paused.is_paused, paused.upcoming()) == (True, [])
    assert by_hand.created
    assert (row.paused_at, row.paused_by, row.pause_reason) == (None, "", "")
    assert row.next_at == utc("2026-12-01 01:30")
    assert Schedule.objects.pause("sales", gettext_lazy("moving"), by=7)
    assert Schedule.objects.get().paused_by == "7"


def test_what_this_process_declares_can_be_paused_before_a_worker_comes(sales):
    assert durable.resume_schedule("sales") is False
    Schedule.objects.all().delete()

    assert durable.pause_schedule("sales")

    assert Schedule.objects.get().is_paused


def test_an_unknown_schedule_is_named_with_the_one_that_was_meant(sales):
    durable.run_schedule("sales")
    now = clock.now()

    for call in (
        lambda: durable.pause_schedule("salse"),
        lambda: durable.resume_schedule("salse"),
        lambda: durable.run_schedule("salse"),
        lambda: durable.backfill_schedule("salse", now, now),
        lambda: Schedule.objects.forget("salse"),
    ):
        with pytest.raises(durable.ScheduleNotFound, match="mean 'sales'") as caught:
            call()
        assert caught.value.name == "salse"
    Schedule.objects.forget("sales")
    with pytest.raises(durable.ScheduleNotFound, match="A worker stores"):
        durable.pause_schedule("another")
    with pytest.raises(ValueError, match="printable"):
        durable.run_schedule("\0")
    with pytest.raises(TypeError, match="must be a string"):
        durable.run_schedule(None)


def test_a_process_without_the_code_runs_what_workers_have_stored(sales, settings):
    durable.schedule("0 3 * * *", name="eu", kwargs={"region": "eu"})(report)
    durable.run_schedule("eu")
    settings.DURABLE = {"APP_VERSION": "7"}
    from django_durable.definitions import schedules

    schedules.forget("eu")

    handle = durable.run_schedule("eu")
    run_until_idle()

    assert handle.get_result() == "eu"


def test_a_schedule_is_forgotten_with_its_ticks_and_its_workflows_stay(sales):
    durable.run_schedule("sales")

    Schedule.objects.forget("sales")

    assert not Schedule.objects.exists()
    assert not Tick.objects.exists()
    assert Workflow.objects.count() == 1


def test_a_workflow_that_is_deleted_takes_its_tick_along(sales):
    handle = durable.run_schedule("sales")
    run_until_idle()

    durable.delete_workflow(handle.workflow_id)

    assert Schedule.objects.get().recent() == []


def test_a_schedule_shows_what_comes_and_what_has_come(
    sales, django_assert_num_queries
):
    durable.run_schedule("sales")
    sales.advance(days=1)
    last = durable.run_schedule("sales")
    row = Schedule.objects.get()

    assert row.in_words == "At 02:30 every day"
    assert [f"{at:%m-%d %H:%M %Z}" for at in row.upcoming(3)] == [
        "11-28 02:30 CET",
        "11-29 02:30 CET",
        "11-30 02:30 CET",
    ]
    assert (row.upcoming(0), len(row.upcoming(1))) == ([], 1)
    with django_assert_num_queries(1):
        recent = row.recent(1)
        assert (recent[0].workflow.status, recent[0].kind) == ("ENQUEUED", Kind.HAND)
    with django_assert_num_queries(1):
        (found,) = Schedule.objects.with_last()
        assert (found.last_workflow_id, found.last_status) == (
            last.workflow_id,
            "ENQUEUED",
        )


@pytest.mark.parametrize(
    "changes",
    [
        {"cron": "tomorrow"},
        {"time_zone": "Mars/X"},
        {"next_at": dt.datetime.max.replace(tzinfo=dt.UTC)},
    ],
)
def test_a_row_that_was_changed_by_hand_can_be_looked_at(sales, cli, changes):
    durable.run_schedule("sales")
    Schedule.objects.update(**changes)

    row = Schedule.objects.get()

    assert len(row.upcoming()) <= 1
    assert isinstance(row.in_words, str)
    assert cli("schedules").code == 0
    assert cli("schedules", "--json").document["name"] == "sales"
    assert not any(each.level == "problem" for each in look_at_schedules("default"))


def test_async_code_does_the_same(sales):
    async def operate():
        handle = await durable.arun_schedule("sales")
        now = clock.now()
        handles = await durable.abackfill_schedule("sales", now, now)
        took = (
            await durable.apause_schedule("sales"),
            await durable.aresume_schedule("sales"),
        )
        with pytest.raises(Exception, match="arun_schedule"):
            durable.run_schedule("sales")
        return handle, handles, took

    handle, handles, took = async_to_sync(operate)()

    assert (handle.created, handles, took) == (True, [], (True, True))


def test_schedules_fire_in_async_tests(sales):
    async def live():
        with virtual_time(utc("2026-11-27 12:00"), schedules=["sales"]) as time:
            time.advance(days=1)
            return await arun_until_idle()

    assert async_to_sync(live)() == 1
    assert ticks() == [("11-28 01:30", Kind.DUE)]


def test_what_cannot_fire_here_does_not_keep_the_others_from_their_times(sales):
    durable.schedule("0 * * * *", name="hourly", time_zone="UTC")(report)
    with virtual_time(utc("2026-11-27 12:00"), schedules=True) as time:
        Schedule.objects.filter(name="sales").update(workflow_name="newer")
        time.run_for(hours=20)

    assert Tick.objects.filter(schedule="hourly").count() == 20
