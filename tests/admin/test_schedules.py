"""Schedules in the admin: when they come, what they did, and acting on them."""

import html
import re
from unittest import mock
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.contrib.admin import AdminSite
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import path, reverse

import django_durable as durable
from django_durable.admin import DurableWorkflowAdmin, audit
from django_durable.bulk import narrowing
from django_durable.models import Schedule, Tick, Worker, Workflow, sql
from django_durable.testing import run_until_idle, virtual_time
from tests.admin.pages import LIST, hidden, page
from tests.admin.schedules import NAME, scheduled, utc

pytestmark = pytest.mark.django_db

SCHEDULES = reverse("admin:django_durable_schedules")
API = reverse("admin:django_durable_api_schedules")


@pytest.fixture(autouse=True)
def noon():
    """Let it be noon in UTC on a Friday."""
    with virtual_time(utc("2026-11-27 12:00")) as time:
        yield time


def address(name="report", action="", **asked):
    suffix = f"_{action}" if action else ""
    at = reverse(f"admin:django_durable_schedule{suffix}")
    return f"{at}?{urlencode({'schedule': name, **asked})}"


def shown(response):
    """Return the text of a page, in one line, as somebody reads it."""
    body = response.text[response.text.index("dd-console") :]
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", body)).split())


def seen(response):
    return hidden(response.text)["seen"]


def backfilled(name="report", start="2026-11-24T00:00", end="2026-11-26T03:00"):
    return address(name, "backfill", start=start, end=end)


def test_the_list_says_in_words_when_each_comes_and_what_became_of_it(client, operator):
    operator("view_workflow")
    scheduled(NAME)
    durable.run_schedule(NAME)
    run_until_idle()

    text = shown(client.get(SCHEDULES))

    assert NAME in text
    assert "At 02:30 every day 30 2 * * * Europe/Berlin" in text
    assert "report on no worker keeps it At 02:30" in text
    assert "in 13 h 30 m 2026-11-28 02:30+01:00 2026-11-29 02:30+01:00" in text
    assert "✔︎ 2026-11-27 13:00+01:00: success, by hand" in text
    assert "Pause…" not in text


def test_one_says_what_comes_and_leads_to_what_it_has_started(client, operator):
    operator("view_workflow", "manage_schedule")
    scheduled(NAME, args=["<eu>"])
    run = durable.run_schedule(NAME)
    durable.backfill_schedule(NAME, utc("2026-11-24 01:00"), utc("2026-11-24 02:00"))
    Tick.objects.filter(kind=Tick.Kind.BACKFILL).update(workflow=None)

    one = client.get(address(NAME))
    listed = client.get(SCHEDULES).text
    listing = re.search(r'href="([^"]*workflow/\?[^"]*schedule=[^"]*)"', one.text)[1]
    workflows = client.get(html.unescape(listing)).context["cl"].result_list
    started = client.get(page(run.workflow_id))

    assert f'href="{html.escape(address(NAME))}"' in listed
    assert f'href="{html.escape(page(run.workflow_id))}"' in listed
    text = shown(one)
    assert " 2026-11-28 02:30+01:00 2026-11-29 02:30+01:00" in text
    assert text.count("02:30+01:00") == 5 + 1
    assert f"2026-11-27 13:00+01:00 by hand {run.workflow_id} ◌ queued" in text
    assert "2026-11-24 02:30+01:00 backfill – – skipped" in text
    assert "&lt;eu&gt;" not in one.text
    assert [row.pk for row in workflows] == [run.workflow_id]
    said = f"Started by the schedule {NAME} (by hand) for 2026-11-27 13:00+01:00"
    assert said in shown(started)
    operator("view_workflow_data")
    assert "&lt;eu&gt;" in client.get(address(NAME)).text


@pytest.mark.once
def test_the_list_of_a_schedule_goes_by_its_last_ticks(client, operator, monkeypatch):
    operator("view_workflow")
    scheduled()
    durable.run_schedule("report")
    last = durable.run_schedule("report").workflow_id
    monkeypatch.setattr(narrowing, "MOST_TICKS", 1)

    found = client.get(LIST, {"schedule": "report"}).context["cl"].result_list

    assert [row.pk for row in found] == [last]


@pytest.mark.once
def test_an_hour_that_comes_twice_is_told_apart(client, operator, noon):
    operator("view_workflow")
    noon.move_to(utc("2026-10-25 00:10"))
    scheduled(cron="30 * * * *")

    text = shown(client.get(address()))

    assert "2026-10-25 02:30+02:00 2026-10-25 02:30+01:00 2026-10-25 03:30" in text


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
def test_another_site_leads_to_its_own_pages(client, root, settings):
    scheduled()
    run = durable.run_schedule("report")
    other = AdminSite(name="ops")
    other.register(Workflow, DurableWorkflowAdmin)
    urls = [path("admin/", admin.site.urls), path("ops/", other.urls)]
    settings.ROOT_URLCONF = type("Urls", (), {"urlpatterns": urls})

    shown_page = client.get(page(run.workflow_id).replace("/admin/", "/ops/", 1))

    assert f'href="{address().replace("/admin/", "/ops/", 1)}"' in shown_page.text


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


@pytest.mark.once
@pytest.mark.parametrize("refusal", ["get_queryset", "has_view_data_permission"])
def test_inputs_and_history_tell_nothing_of_hidden_workflows(
    client, operator, noon, monkeypatch, refusal
):
    operator("view_workflow", "view_workflow_data", "manage_schedule")
    scheduled(args=["TOPSECRET"])
    run = address(action="run")
    given = {"reason": "", "seen": seen(client.get(run))}
    noon.advance(1)
    client.post(run, given)
    before = client.get(address()).text
    hidden_ones = {
        "get_queryset": lambda self, request: Workflow.objects.none(),
        "has_view_data_permission": lambda self, request, obj=None: obj is None,
    }

    monkeypatch.setattr(DurableWorkflowAdmin, refusal, hidden_ones[refusal])
    after = client.get(address()).text

    assert "TOPSECRET" in before
    assert "TOPSECRET" not in after
    started = Workflow.objects.get().pk
    assert (started in before, started in after) == (True, refusal != "get_queryset")
    assert "run: It was run for the moment 2026-11-27 13:00" in after
    Tick.objects.all().delete()
    assert "TOPSECRET" not in client.get(address()).text


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


def test_the_list_takes_as_many_statements_for_many_as_for_one(client, operator):
    operator("view_workflow")

    def cost():
        with CaptureQueriesContext(connection) as queries:
            assert client.get(SCHEDULES).status_code == 200
        return len(queries)

    scheduled("one")
    durable.run_schedule("one")
    cost()
    few = cost()
    for number in range(15):
        name = scheduled(f"more-{number}").name
        durable.run_schedule(name)

    assert cost() == few


def test_a_schedule_that_no_worker_looks_at_is_said_to_be_overdue(
    client, operator, noon
):
    operator("view_workflow")
    scheduled()
    noon.advance(hours=17)

    listed, one = client.get(SCHEDULES), client.get(address())

    for response in (listed, one):
        assert 'class="dd-badge dd-error" data-dd-figure="state:' in response.text
        assert "OVERDUE" in shown(response)
        assert "due for 3 h 30 m" in shown(response)


def test_an_open_page_hears_of_a_pause_and_of_a_tick(client, operator):
    operator("view_workflow")
    scheduled()

    def ask(**asked):
        found = client.get(API, asked).json()
        state = [text for at, text in found["figures"].items() if "state:" in at]
        return state, found["version"]

    first, same = ask(), ask()
    durable.pause_schedule("report", "<b>\u202e")
    paused = ask(), ask(schedule="report")
    durable.run_schedule("report")

    assert first == same
    assert first[0] == ["on"]
    for told in paused:
        assert re.fullmatch(r"PAUSED \d\d:\d\d: <b>\\?.*", told[0][0])
        assert "\u202e" not in told[0][0]
        assert told[1] != first[1]
    assert ask(schedule="report")[1] != paused[1][1]
    Schedule.objects.forget("report")
    gone = client.get(API, {"schedule": "report"})
    assert (gone.status_code, gone.json()["is_over"]) == (404, True)


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


@pytest.mark.once
def test_what_is_not_there_is_said_not_to_be(client, operator):
    operator("view_workflow", "manage_schedule")

    assert "@durable.schedule(" in html.unescape(client.get(SCHEDULES).text)
    for name in ("", "nobody", "\0", "a/b"):
        for action in ("", "pause", "resume", "run", "backfill", "delete"):
            assert client.get(address(name, action)).status_code == 404
            refused = 404 if action else 405
            assert client.post(address(name, action)).status_code == refused
