"""Schedules in the admin: what they missed is made up for, as it was shown."""

import re

import pytest
from django.contrib.admin.models import LogEntry

import django_durable as durable
from django_durable.models import Schedule, Tick
from tests.admin.schedules import (
    backfilled,
    scheduled,
    seen,
    shown,
    utc,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


def test_a_backfill_starts_the_ticks_that_its_page_has_shown(client, operator):
    operator("view_workflow", "manage_schedule")
    scheduled()
    durable.backfill_schedule(
        "report", utc("2026-11-25 01:30"), utc("2026-11-25 02:00")
    )

    asked = client.get(backfilled())
    before = Tick.objects.count()
    given = {"reason": "lost", "seen": seen(asked)}
    done = client.post(backfilled(), given, follow=True)
    again = client.post(backfilled(), given)
    none = client.get(backfilled()).text

    text = shown(asked)
    new = "2026-11-24 02:30+01:00 2026-11-26 02:30+01:00"
    said = f"Which ticks (2) {new} Which have started one before, and are not"
    assert said in text
    assert "repeated (1) 2026-11-25 02:30+01:00 " in text
    assert "skipped" not in text
    assert "Start 2 workflows" in text
    said = "Of the ticks from 2026-11-24 00:00+01:00 to 2026-11-26 03:00+01:00, 2 were"
    assert (before, said in done.text) == (1, True)
    assert "Meanwhile other ticks have come" in again.text
    assert "None is left to be started." in none
    assert 'type="submit" class="dd-button"' in asked.text
    assert 'type="submit" class="dd-button"' not in none
    assert Tick.objects.filter(kind=Tick.Kind.BACKFILL).count() == 3
    entry = LogEntry.objects.get().get_change_message()
    assert entry == f"backfill: {said} started. Reason: lost"


def test_a_backfill_tells_what_was_skipped_and_what_was_there_already(client, operator):
    operator("view_workflow", "manage_schedule")
    scheduled()
    durable.backfill_schedule(
        "report", utc("2026-11-25 01:30"), utc("2026-11-26 02:00")
    )
    Tick.objects.filter(scheduled_at__lt=utc("2026-11-26 00:00")).update(workflow=None)
    skipped = shown(client.get(backfilled()))
    Schedule.objects.forget("report")
    scheduled()

    given = {"reason": "", "seen": seen(client.get(backfilled()))}
    done = client.post(backfilled(), given, follow=True)

    new = "2026-11-24 02:30+01:00 2026-11-25 02:30+01:00 (skipped then)"
    assert f"Which ticks (2) {new} Which have started" in skipped
    assert "repeated (1) 2026-11-26 02:30+01:00" in skipped
    assert ", 1 were started. The workflows of 2 were there already." in done.text


@pytest.mark.once
@pytest.mark.parametrize(
    ("start", "end"),
    [("02:10", "04:00"), ("00:00", "02:59"), ("02:10", "02:50"), ("02:30", "02:30")],
)
def test_a_time_that_clocks_leave_out_leaves_out_no_tick(
    client, operator, noon, start, end
):
    operator("view_workflow", "manage_schedule")
    noon.move_to(utc("2026-03-30 12:00"))
    scheduled()
    day = "2026-03-29"

    asked = client.get(backfilled(start=f"{day}T{start}", end=f"{day}T{end}"))

    assert "Which ticks (1) 2026-03-29 03:00+02:00 Reason" in shown(asked)


def test_a_backfill_asks_again_where_the_schedule_has_changed(client, operator):
    operator("view_workflow", "manage_schedule")
    scheduled()
    given = {"reason": "", "seen": seen(client.get(backfilled()))}
    Schedule.objects.update(cron="31 2 * * *")

    asked = client.post(backfilled(), given)

    assert "Meanwhile other ticks have come" in asked.text
    assert not Tick.objects.exists()


@pytest.mark.once
@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("", "2026-11-26T03:00", "This field is required."),
        ("tomorrow", "2026-11-26T03:00", "Write it like 2026-10-25 02:30."),
        ("2026-13-01T00:00", "2026-11-26T03:00", "Write it like 2026-10-25 02:30."),
        ("0001-01-01T00:00", "2026-11-26T03:00", "There is no such moment."),
        ("1990-01-01T00:00", "2026-11-26T03:00", "At most ten years ago."),
        ("2026-11-26T03:00", "2026-11-26T02:00", "Not before the beginning."),
        ("2026-11-26T03:00", "2026-11-27T13:01", "A backfill is for the past."),
        (
            *("2026-01-01T00:00", "2026-11-26T03:00"),
            "the first 100 end at 2026-04-10 02:30+02:00.",
        ),
    ],
)
def test_a_range_that_cannot_be_is_refused_at_its_field(
    client, operator, start, end, said
):
    operator("view_workflow", "manage_schedule")
    scheduled()

    asked = client.get(backfilled(start=start, end=end))
    posted = client.post(backfilled(start=start, end=end), {"reason": "", "seen": ""})

    for response in (asked, posted):
        assert re.search(rf"errorlist.*{re.escape(said)}", response.text, re.DOTALL)
    assert not Tick.objects.exists()
