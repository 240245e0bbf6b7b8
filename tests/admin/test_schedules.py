"""Schedules in the admin: when they come, and what became of their ticks."""

import html
import re

import pytest
from django.contrib import admin
from django.contrib.admin import AdminSite
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import path

import django_durable as durable
from django_durable.admin import DurableWorkflowAdmin
from django_durable.bulk import narrowing
from django_durable.models import Schedule, Tick, Workflow
from django_durable.testing import run_until_idle
from tests.admin.pages import LIST, page
from tests.admin.schedules import (
    API,
    NAME,
    SCHEDULES,
    address,
    scheduled,
    seen,
    shown,
    utc,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("noon")]


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


@pytest.mark.once
def test_what_is_not_there_is_said_not_to_be(client, operator):
    operator("view_workflow", "manage_schedule")

    assert "@durable.schedule(" in html.unescape(client.get(SCHEDULES).text)
    for name in ("", "nobody", "\0", "a/b"):
        for action in ("", "pause", "resume", "run", "backfill", "delete"):
            assert client.get(address(name, action)).status_code == 404
            refused = 404 if action else 405
            assert client.post(address(name, action)).status_code == refused
