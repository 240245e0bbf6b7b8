"""Schedules in the admin: paused, resumed, run and deleted after a question."""

import html
import re
from unittest import mock

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection

import django_durable as durable
from django_durable.admin import audit
from django_durable.models import Schedule, Tick, Worker, Workflow, sql
from tests.admin.schedules import (
    NAME,
    SCHEDULES,
    address,
    backfilled,
    scheduled,
    seen,
    shown,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


def test_a_schedule_is_paused_and_resumed_after_a_question(client, operator):
    operator("view_workflow", "manage_schedule")
    scheduled(NAME)
    listed = client.get(SCHEDULES).text
    (link,) = re.findall(r'href="([^"]*schedules/one/pause/[^"]*)"', listed)
    pause = html.unescape(link)
    resume = address(NAME, "resume")

    asked = client.get(pause)
    before = Schedule.objects.get().is_paused
    done = client.post(pause, {"reason": "closed"}, follow=True)
    again = client.post(pause, {"reason": ""}, follow=True)
    paused = Schedule.objects.get()
    listed = shown(client.get(SCHEDULES))
    question = shown(client.get(resume))
    given = {"reason": "", "seen": seen(client.get(resume))}
    back = client.post(resume, given, follow=True)
    twice = client.post(resume, {"reason": ""}, follow=True)

    assert ("It starts nothing by itself" in asked.text, before) == (True, False)
    assert f"“{NAME}”: It is paused." in html.unescape(done.text)
    assert "It was paused already." in again.text
    assert (paused.paused_by, paused.pause_reason) == ("ana", "closed")
    assert re.search(r"report PAUSED by ana \d\d:\d\d: closed .*Resume…", listed)
    assert re.search(
        r"PAUSED by ana .* ana : pause: It is paused. Reason: clo", question
    )
    assert "It goes on with its next tick: 2026-11-28 02:30+01:00." in question
    assert "It goes on." in back.text
    assert "It was not paused." in twice.text
    entries = LogEntry.objects.order_by("pk")
    assert [each.get_change_message() for each in entries] == [
        "pause: It is paused. Reason: closed",
        "resume: It goes on.",
    ]
    assert {each.get_edited_object() for each in entries} == {paused}


# Also where the clock stands still, or another web server's is ahead.
@pytest.mark.parametrize("ahead", [1, 0])
def test_a_double_click_runs_a_schedule_once(client, operator, noon, ahead):
    operator("view_workflow", "manage_schedule")
    scheduled(cron="* * * * * *")
    run, by_hand = address(action="run"), Tick.objects.filter(kind=Tick.Kind.HAND)
    given = {"reason": "now", "seen": seen(client.get(run))}
    noon.advance(ahead)
    # Ticks that come meanwhile are no reason to ask again.
    durable.backfill_schedule("report", noon.now(), noon.now())

    done = client.post(run, given, follow=True)
    twice = client.post(run, given)
    count = by_hand.count()
    client.post(run, {**given, "seen": seen(twice)})
    unseen = client.post(run, {**given, "seen": "x"})

    at = f"2026-11-27 13:00{':01' * ahead}+01:00"
    assert f"It was run for the moment {at}." in done.text
    assert f"Meanwhile it was run: {at}. Once more?" in twice.text
    assert "Look at the page again before you answer." in unseen.text
    assert (count, by_hand.count()) == (1, 2)
    first = LogEntry.objects.earliest("pk").get_change_message()
    assert first == f"run: It was run for the moment {at}. Reason: now"


@pytest.mark.once
def test_nothing_is_done_that_cannot_be_written_down(client, operator, monkeypatch):
    operator("view_workflow", "manage_schedule")
    scheduled()
    fails = mock.Mock(side_effect=RuntimeError("The history is full."))
    monkeypatch.setattr(audit, "record", fails)

    with pytest.raises(RuntimeError, match="full"):
        client.post(address(action="pause"), {"reason": ""})

    assert not Schedule.objects.get().is_paused


@pytest.mark.once
def test_an_answer_sees_what_others_have_committed_whatever_the_isolation(
    client, operator, monkeypatch
):
    operator("view_workflow", "manage_schedule")
    scheduled()
    depths, around = [], len(connection.atomic_blocks)
    note = lambda given: depths.append(len(given.atomic_blocks))  # noqa: E731
    monkeypatch.setattr(sql, "read_committed", note)

    client.post(address(action="pause"), {"reason": ""})

    # First of all in the outermost transaction, which it can be asked of only there.
    assert depths[0] == around + 1


@pytest.mark.once
def test_what_cannot_be_started_is_told(client, operator):
    operator("view_workflow", "manage_schedule")
    scheduled()
    Schedule.objects.update(inputs="jason:[{}]")

    for place in (address(action="run"), backfilled()):
        given = {"reason": "", "seen": seen(client.get(place))}
        answer = client.post(place, given)
        assert answer.status_code == 200
        assert "jason" in str(answer.context["form"].non_field_errors())
    assert not Workflow.objects.exists()
    assert not LogEntry.objects.exists()


@pytest.mark.once
@pytest.mark.parametrize("changes", [{"time_zone": "Mars/Base"}, {"cron": "nonsense"}])
def test_with_a_schedule_that_cannot_be_read_nothing_is_done(client, operator, changes):
    operator("view_workflow", "manage_schedule")
    scheduled()
    durable.pause_schedule("report")
    Schedule.objects.update(**changes)

    for place in (address(action="resume"), address(action="run"), backfilled()):
        told = client.post(place, {"reason": "", "seen": ""}, follow=True)
        assert "cannot be read here." in told.text
    assert Schedule.objects.get().is_paused
    assert not Workflow.objects.exists()


def test_who_resumes_what_was_paused_anew_is_asked_again(client, operator, noon):
    operator("view_workflow", "manage_schedule")
    scheduled()
    resume = address(action="resume")
    durable.pause_schedule("report", "short")
    given = {"reason": "", "seen": seen(client.get(resume))}
    durable.resume_schedule("report")
    noon.advance(1)
    durable.pause_schedule("report", "the shop is closed")

    asked = client.post(resume, given)

    assert re.search(r"Meanwhile: PAUSED \d\d:\d\d: the shop is closed\.", asked.text)
    assert Schedule.objects.get().is_paused
    client.post(resume, {"reason": "", "seen": seen(asked)})
    assert not Schedule.objects.get().is_paused


@pytest.mark.once
def test_a_run_whose_workflow_is_gone_is_not_asked_about(client, operator, noon):
    operator("view_workflow", "manage_schedule")
    scheduled()
    durable.run_schedule("report")
    run = address(action="run")
    given = {"reason": "", "seen": seen(client.get(run))}
    Tick.objects.all().delete()
    noon.advance(1)

    done = client.post(run, given, follow=True)

    assert "It was run for the moment" in done.text


def test_what_no_worker_declares_any_more_can_be_deleted(client, operator):
    operator("view_workflow", "manage_schedule")
    scheduled()
    durable.run_schedule("report")
    assert "Delete…" in client.get(SCHEDULES).text

    alone = client.get(address(action="delete")).text
    worker = Worker.objects.register(Worker.Kind.WORKER, schedules=["report"])
    kept = client.get(SCHEDULES).text
    refused = client.post(address(action="delete"), {"reason": "old"})
    worker.schedules = []
    worker.save()
    asked = client.get(address(action="delete"))
    done = client.post(address(action="delete"), {"reason": "old"}, follow=True)
    twice = client.post(address(action="delete"), {"reason": "old"})

    assert "Delete…" not in kept
    assert "no worker keeps it" not in kept
    assert "A living worker declares it: it stays." in refused.text
    assert "No worker lives now" in alone
    assert "No worker lives now" not in asked.text
    assert "What it has started stays" in asked.text
    assert "“report”: It was deleted." in html.unescape(done.text)
    assert (Schedule.objects.count(), Workflow.objects.count()) == (0, 1)
    assert twice.status_code == 404
    entry = LogEntry.objects.get()
    assert entry.get_change_message() == "delete: It was deleted. Reason: old"
