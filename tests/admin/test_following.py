"""Open pages follow what they show, and tell what is new."""

import re
from datetime import timedelta
from html import unescape
from urllib.parse import unquote

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

import django_durable as durable
from django_durable import bulk, clock
from django_durable.admin.runs import aborting
from django_durable.models import Worker, Workflow
from django_durable.testing import run_until_idle
from tests.admin.pages import LIST, page, queued
from tests.admin.test_figures import add, asks, register

WORKERS = reverse("admin:django_durable_worker_changelist")
INBOX = reverse("admin:django_durable_approvals")
RUNS = reverse("admin:django_durable_bulk")

pytestmark = pytest.mark.django_db


def followed(text):
    """Return the address that a page asks while it is open."""
    return unescape(re.search(r'data-dd-live="([^"]+)"', text)[1])


def test_a_list_tells_how_many_are_new(client, operator):
    operator("view_workflow")
    queued()
    address = followed(client.get(LIST, {"queue": "default"}).text)
    assert client.get(address).json()["news"] == ""

    queued()
    queued()
    queued(queue_name="another")

    assert client.get(address).json()["news"] == "2 new — show"


def test_a_list_that_has_changed_its_state_is_new_to_a_filter(client, operator):
    operator("view_workflow")
    workflow = queued()
    address = followed(client.get(LIST, {"state": "cancelled"}).text)

    workflow.cancel()

    assert client.get(address).json()["news"] == "1 new — show"


def test_a_search_looks_for_news_among_what_was_created_since(client, operator):
    operator("view_workflow")
    workflow = queued(workflow_id="tea-1")
    address = followed(client.get(LIST, {"q": "tea", "state": "cancelled"}).text)
    queued(workflow_id="tea-2").cancel()
    queued(workflow_id="coffee").cancel()

    workflow.cancel()

    assert client.get(address).json()["news"] == "1 new — show"


@pytest.mark.parametrize(
    "bad",
    [
        "since=x",
        "since=2026-99-99T00:00Z",
        "since=0001-01-01T00:00:00%2B14:00",
        "since=9999-12-31T23:59:59-14:00",
        "state=%00",
        "",
    ],
)
def test_an_address_that_nobody_wrote_has_no_news(client, operator, bad):
    operator("view_workflow")
    queued()
    address = f"{reverse('admin:django_durable_api_rows')}?{bad}"
    if bad.startswith("state"):
        address += "&since=2020-01-01T00:00Z"

    assert client.get(address).json()["news"] == ""


@pytest.mark.once
def test_pages_on_which_new_rows_would_not_stand_do_not_ask(client, operator):
    operator("view_workflow")
    queued()

    for query in ("?o=5", "?all=", "?p=1"):
        assert "since=" not in followed(client.get(LIST + query).text), query


@pytest.mark.once
def test_a_row_is_followed_in_all_that_changes(client, operator):
    operator("view_workflow")
    workflow = queued()
    text = client.get(LIST).text
    Workflow.objects.filter(pk=workflow.pk).update(
        summary="<b>\u202e", recovery_attempts=2
    )

    (cells,) = client.get(followed(text)).json()["rows"].values()

    for name in cells:
        assert f'data-dd-row="{workflow.pk}" data-dd-cell="{name}"' in text
    assert cells["summary"] == "<b>⟨U+202E⟩"
    assert cells["progress"] == "0 steps ↻2"


def test_why_a_row_has_failed_is_told_while_the_list_is_open(client, operator):
    operator("view_workflow")
    error = 'json:{"type":"m:Declined","message":"secret"}'
    add("before", Workflow.Status.ERROR, error=error, ago=61)
    add("fails", Workflow.Status.PENDING)
    add("stamped before", Workflow.Status.PENDING)
    address = followed(client.get(LIST).text)
    for pk, ago in (("fails", 0), ("stamped before", 10)):
        Workflow.objects.filter(pk=pk).update(
            status=Workflow.Status.ERROR,
            error=error,
            changed_at=clock.now() - timedelta(seconds=ago),
        )

    plain = client.get(address).json()["rows"]
    operator("view_workflow_data")
    whole = client.get(address).json()["rows"]

    assert "why" not in plain["before"]
    assert plain["fails"]["why"] == ""
    assert whole["fails"]["why"] == "Declined: secret"
    assert whole["stamped before"]["why"] == "Declined: secret"
    assert "why" not in whole["before"]


@pytest.mark.once
def test_the_head_of_a_page_is_followed_in_all_that_changes(client, operator):
    operator("view_workflow")
    workflow = queued()
    text = client.get(page(workflow)).text

    (cells,) = client.get(followed(text)).json()["rows"].values()

    for name in cells:
        assert f'data-dd-row="{workflow.pk}" data-dd-cell="{name}"' in text
    assert {"summary", "queued", "ran", "executions"} < set(cells)


def test_the_list_of_workers_is_followed(client, operator):
    operator("view_worker", "view_workflow")
    worker = register()
    text = client.get(WORKERS).text
    address = followed(text)
    add("held", Workflow.Status.PENDING, worker=worker)
    Worker.objects.filter(pk=worker.pk).update(state=Worker.State.STOPPED)
    Worker.objects.register(Worker.Kind.WORKER)

    found = client.get(address).json()

    cells = found["rows"][str(worker.pk)]
    for name in cells:
        assert f'data-dd-row="{worker.pk}" data-dd-cell="{name}"' in text
    assert cells["pulse"]["word"] == "stopped"
    assert cells["slots"].startswith("1 / ")
    assert cells["current"] == {"address": page("held"), "text": "held", "more": ""}
    assert found["news"] == "1 new — show"
    assert client.get(address + "&ids=x&ids=%00").status_code == 200


@pytest.mark.once
def test_of_workers_only_the_whole_list_announces_new_ones(client, operator):
    operator("view_worker")
    worker = register()

    for query in ("?p=1", "?p=2", "?serving=yes", "?q=x", "?state__exact=STOPPED"):
        address = followed(client.get(WORKERS + query).text)
        register()
        assert client.get(address).json()["news"] == "", query
    assert str(worker.pk) in followed(client.get(WORKERS).text)
    assert "since=" in followed(client.get(WORKERS).text)


@pytest.mark.once
def test_a_long_address_leaves_news_out_and_follows_its_rows(client, operator):
    operator("view_workflow")
    workflow = queued()
    Workflow.objects.filter(pk=workflow.pk).update(name="名" * 200)
    asked = {"name": "名" * 200, "q": workflow.pk + " " * 300 + "字" * 200}

    address = followed(client.get(LIST, asked).text)

    assert len(address) < 4000
    assert set(client.get(address).json()["rows"]) == {workflow.pk}


def test_the_inbox_is_followed(client, operator):
    operator("view_workflow", "send_workflow_message")
    asks.using(workflow_id="a:b").start()
    asks.using(workflow_id="other").start()
    run_until_idle()
    text = client.get(INBOX).text
    address = followed(text)
    before = client.get(address).json()
    asks.using(workflow_id="late").start()
    run_until_idle()
    durable.send("a:b", True, "verdict")

    found = client.get(address).json()

    assert before["news"] == ""
    assert {cells["state"] for cells in before["rows"].values()} == {""}
    words = {place: cells["state"] for place, cells in found["rows"].items()}
    gone = {place for place, state in words.items() if state}
    assert {unquote(place).partition("//")[2] for place in gone} == {"a:b"}
    for place in gone:
        assert found["rows"][place]["state"]["word"] == "no longer waits"
        assert f'data-dd-row="{place}" data-dd-cell="state"' in text
    assert found["news"] == "1 new — show"
    assert client.get(address + "&ids=x&ids=1//%00&ids=").status_code == 200


def run_of(number, action="cancel", by="ana", **changes):
    user = User.objects.filter(username=by).values_list("pk", flat=True).first()
    facts = {"action": action, "by": by, "user": str(user), "total": 200}
    add(
        f"bulk-00000000-0000-0000-0000-00000000000{number}",
        changes.pop("status", Workflow.Status.PENDING),
        name=bulk.NAME,
        attributes=facts,
        **changes,
    )


def test_the_list_of_bulk_actions_is_filtered_and_followed(client, operator):
    operator("view_workflow")
    run_of(1)
    run_of(2, "delete", "ben", status=Workflow.Status.SUCCESS)
    text = client.get(RUNS).text
    address = followed(text)

    found = client.get(address).json()

    shown = {
        query: client.get(RUNS + query).text.count("<progress")
        for query in ("", "?mine=on", "?action=delete", "?state=unfinished", "?state=x")
    }
    assert list(shown.values()) == [2, 1, 1, 1, 2]
    assert "None is like that" in client.get(f"{RUNS}?action=resume").text
    assert 'value="delete" selected' in client.get(f"{RUNS}?action=delete").text
    for pk, cells in found["rows"].items():
        assert cells["summary"] == "0 of 200"
        assert f'data-dd-value="through:{pk}"' in text
    run_of(3, ago=-1)
    assert client.get(address).json()["news"] == "1 new — show"


def test_a_run_is_aborted_after_a_question(client, operator):
    operator("view_workflow")
    run_of(1, by="ben", status=Workflow.Status.ENQUEUED)
    key = "00000000-0000-0000-0000-000000000001"
    address = reverse("admin:django_durable_bulk_abort", args=[key])
    assert "Abort…" not in client.get(RUNS).text
    assert client.get(address).status_code == 403
    operator("cancel_workflow")

    assert address in client.get(RUNS).text
    asked = client.get(address).text
    assert "stays done" in asked
    told = client.post(address, {"reason": "a mistake"}, follow=True)

    row = Workflow.objects.get(pk=f"bulk-{key}")
    assert row.status == Workflow.Status.CANCELLED
    assert "a mistake" in row.cancel_reason
    assert "It was cancelled." in told.text
    assert address not in told.text
    assert "a mistake" in client.get(page(row, "history")).text


@pytest.mark.once
def test_who_ordered_a_run_may_abort_it(client, operator):
    operator("view_workflow", "delete_workflow")
    run_of(1, "delete", status=Workflow.Status.ENQUEUED)
    key = "00000000-0000-0000-0000-000000000001"
    address = reverse("admin:django_durable_bulk_abort", args=[key])
    one = reverse("admin:django_durable_bulk_run", args=[key])
    assert all(address in client.get(each).text for each in (RUNS, one))

    told = client.post(address, {"reason": ""}, follow=True)

    assert "It was cancelled." in told.text
    row = Workflow.objects.get(pk=f"bulk-{key}")
    assert row.status == Workflow.Status.CANCELLED


def test_a_run_that_is_deleted_meanwhile_is_said_to_be_gone(
    client, operator, monkeypatch
):
    operator("view_workflow", "cancel_workflow")
    run_of(1, status=Workflow.Status.ENQUEUED)
    key = "00000000-0000-0000-0000-000000000001"
    read = aborting.run

    def read_and_lose(actor, key):
        found = read(actor, key)
        Workflow.objects.filter(pk=found.workflow.pk)._raw_delete("default")
        return found

    monkeypatch.setattr(aborting, "run", read_and_lose)
    address = reverse("admin:django_durable_bulk_abort", args=[key])
    told = client.post(address, {"reason": ""}, follow=True)

    assert told.redirect_chain == [(RUNS, 302)]
    assert f"bulk-{key}" in told.text


@pytest.mark.once
def test_each_page_leads_to_the_others_as_far_as_one_may_go(client, operator):
    operator("view_workflow")
    places = [LIST, INBOX, RUNS, reverse("admin:django_durable_queues")]

    for place in places:
        text = client.get(place).text
        assert all(f'href="{each}"' in text for each in places), place
        assert f'href="{place}" aria-current="page"' in text
        assert (
            WORKERS
            not in re.search(r"<nav aria-label=\"Console.*?</nav>", text, re.S)[0]
        )
    operator("view_worker")
    assert WORKERS in client.get(LIST).text
