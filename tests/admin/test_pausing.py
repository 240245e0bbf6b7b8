"""Queues in the admin: they are paused, seen to be paused, and resumed."""

import html
import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

import django_durable as durable
from django_durable import bulk, clock
from django_durable.admin import pausing
from django_durable.admin.figures import queues
from django_durable.admin.queues import listing as page_of_queues
from django_durable.models import Queue, Workflow
from tests.admin.pages import begun, hidden, page
from tests.admin.queues import API, HOME, ODD, QUEUES, address, rows_of
from tests.admin.rows import add

pytestmark = pytest.mark.django_db

Status = Workflow.Status


@pytest.mark.parametrize("name", ["reports", ODD])
def test_a_queue_is_paused_and_resumed_after_a_question(client, operator, name):
    operator("view_workflow", "manage_queue")
    add("a", Status.ENQUEUED, queue_name=name)
    (link,) = re.findall(
        r'href="([^"]*queues/one/pause/[^"]*)"', client.get(QUEUES).text
    )
    assert html.unescape(link) == address("pause", name)

    asked = client.get(html.unescape(link))
    before = Queue.objects.count()
    done = client.post(address("pause", name), {"reason": "disk full"}, follow=True)
    again = client.post(address("pause", name), {"reason": "really"}, follow=True)
    paused = Queue.objects.get()
    shown = rows_of(client)[name]["State"]
    history = client.get(address("resume", name)).text
    seen = hidden(history)["seen"]
    given = {"reason": "new disk", "seen": seen}
    back = client.post(address("resume", name), given, follow=True)
    twice = client.post(address("resume", name), {"reason": ""}, follow=True)

    assert (asked.status_code, before) == (200, 0)
    assert "Workers take nothing from it" in asked.text
    assert f"“{name}”: It is paused." in html.unescape(done.text)
    assert "It was paused already." in again.text
    assert (paused.paused_by, paused.pause_reason) == ("ana", "disk full")
    assert re.fullmatch(r"PAUSED by ana \d\d:\d\d: disk full Resume…", shown)
    assert "It goes on." in back.text
    assert "It was not paused." in twice.text
    assert rows_of(client)[name]["State"] == "running Pause…"
    assert re.search(
        r"ana</bdi>: <bdi>pause: It is paused\. Reason: disk full", history
    )
    assert client.get(reverse("admin:index")).status_code == 200
    entries = LogEntry.objects.order_by("pk")
    assert [(each.object_id, each.get_change_message()) for each in entries] == [
        (name, "pause: It is paused. Reason: disk full"),
        (name, "resume: It goes on. Reason: new disk"),
    ]
    assert {each.get_edited_object() for each in entries} == {paused}


def test_a_paused_queue_is_listed_without_rows_and_on_the_dashboard(client, operator):
    operator("view_workflow")
    Queue.objects.pause("empty", "moving", "ana")
    Queue.objects.filter(pk="empty").update(paused_at=clock.now() - timedelta(days=9))
    Queue.objects.pause("nobody's")
    Queue.objects.pause("over")
    Queue.objects.resume("over")
    add("a", Status.PENDING, queue_name="busy")

    found = rows_of(client), rows_of(client, HOME)

    for rows in found:
        assert set(rows) == {"busy", "empty", "nobody's"}
        assert re.fullmatch(
            r"PAUSED by ana \S{10} \d\d:\d\d: moving", rows["empty"]["State"]
        )
        assert re.fullmatch(r"PAUSED \d\d:\d\d", rows["nobody's"]["State"])
        assert rows["busy"]["State"] == "running"


@pytest.mark.once
def test_beside_very_many_a_queue_with_something_in_it_is_still_told_to_be_paused(
    client, operator, monkeypatch
):
    operator("view_workflow", "manage_queue")
    for module in (queues, page_of_queues):
        monkeypatch.setattr(module, "MOST_QUEUES", 2)
    for name in ("a", "b", "empty", "ready", "runs"):
        Queue.objects.pause(name)
    add("r", Status.ENQUEUED, queue_name="ready")
    add("p", Status.PENDING, queue_name="runs")

    assert "There may be more" in client.get(QUEUES).text
    for rows in (rows_of(client), rows_of(client, HOME)):
        assert set(rows) == {"a", "b", "ready", "runs"}
        assert all(row["State"].startswith("PAUSED ") for row in rows.values())


@pytest.mark.once
def test_who_resumes_reads_why_code_has_paused_the_queue(client, operator):
    operator("view_workflow", "manage_queue")
    durable.pause_queue("reports", "the <disk> is full")

    for action in ("resume", "pause"):
        asked = client.get(address(action, "reports")).text
        assert re.search(r"PAUSED \d\d:\d\d: the &lt;disk&gt; is full", asked)
    assert "PAUSED" not in client.get(address("resume", "mail")).text


def test_who_resumes_what_was_paused_anew_is_asked_again(client, operator):
    operator("view_workflow", "manage_queue")
    resume = address("resume", "reports")
    Queue.objects.pause("reports", "short", "ana")
    given = {"reason": "", "seen": hidden(client.get(resume).text)["seen"]}
    Queue.objects.resume("reports")
    Queue.objects.pause("reports", "disk full", "bob")

    asked = client.post(resume, given)
    kept = Queue.objects.paused().get().paused_by
    client.post(resume, {"reason": "", "seen": hidden(asked.text)["seen"]})

    assert re.search(r"Meanwhile: PAUSED by bob \d\d:\d\d: disk full\.", asked.text)
    assert kept == "bob"
    assert not Queue.objects.paused().exists()


@pytest.mark.once
def test_the_history_names_what_was_done_alike_in_every_language(
    client, operator, monkeypatch
):
    operator("view_workflow", "manage_queue")
    monkeypatch.setattr(pausing, "_", "«{}»".format)

    for action in ("pause", "resume"):
        asked = client.get(address(action, "reports")).text
        seen = hidden(asked).get("seen", "")
        client.post(address(action, "reports"), {"reason": "", "seen": seen})

    entries = LogEntry.objects.order_by("pk")
    assert [each.get_change_message() for each in entries] == [
        "pause: «It is paused.»",
        "resume: «It goes on.»",
    ]


def test_an_open_page_hears_of_a_pause_in_as_many_statements(client, operator):
    operator("view_workflow")
    add("a", Status.ENQUEUED, queue_name=ODD)

    def ask():
        with CaptureQueriesContext(connection) as queries:
            found = client.get(API).json()
        state = [text for at, text in found["figures"].items() if "state:" in at]
        return state, found["version"], len(queries)

    ask()
    running = ask()
    Queue.objects.pause(ODD, "<script>\u202e", "ana")
    paused = ask()

    assert running[0] == ["running"]
    assert paused[0][0].startswith("PAUSED by ana ")
    assert "\u202e" not in paused[0][0]
    assert paused[1] != running[1]
    assert paused[2] == running[2]


def test_what_nobody_could_have_named_is_not_there(client, operator):
    operator("view_workflow", "manage_queue")
    add("a", Status.ENQUEUED, queue_name="b,a,d")

    for name in ("", " ", "b,a,d", "a\nb", "\0", "x" * 65):
        for action in ("pause", "resume"):
            assert client.get(address(action, name)).status_code == 404
            assert client.post(address(action, name)).status_code == 404
    assert "queues/one/pause/" not in client.get(QUEUES).text
    assert not Queue.objects.exists()


def test_a_workflow_says_that_its_queue_is_paused(client, operator):
    operator("view_workflow")
    for status in (Status.ENQUEUED, Status.PENDING):
        add(status.value, status, queue_name="reports")
    Queue.objects.pause("reports", "<b>moving", "ana")
    live = reverse("admin:django_durable_api_live", args=["ENQUEUED"])

    waiting = client.get(page("ENQUEUED")).text
    told = client.get(live).json()["rows"]["ENQUEUED"]["held_up"]
    runs = client.get(page("PENDING")).text
    Queue.objects.resume("reports")

    said = "Its queue reports is paused by ana since "
    assert re.search(rf"{said}\d\d:\d\d: &lt;b&gt;moving", waiting)
    assert told.startswith(said)
    assert said not in runs
    assert client.get(live).json()["rows"]["ENQUEUED"]["held_up"] == ""
    assert said not in client.get(page("ENQUEUED")).text


def test_pausing_the_queue_of_bulk_actions_says_so(client, operator):
    operator("view_workflow", "manage_queue")

    texts = [client.get(address("pause", name)).text for name in ("default", "mail")]
    assert "There may be more" not in client.get(QUEUES).text

    assert "they wait, too" in texts[0]
    assert "they wait, too" not in texts[1]


@pytest.mark.parametrize(
    ("hold", "said"),
    [
        ({"by": "ana"}, "paused by ana since "),
        ({"concurrency": 0}, "at its limit: 0 of 0 running"),
    ],
)
def test_a_bulk_action_says_what_holds_up_its_queue(client, root, hold, said):
    run = begun(root, "cancel")
    key = run.workflow_id.removeprefix(bulk.PREFIX)
    shown = reverse("admin:django_durable_bulk_run", args=[key])
    live = reverse("admin:django_durable_api_bulk", args=[key])
    text = f"Its queue default is {said}"

    def told():
        return text in client.get(shown).text, text in str(client.get(live).json())

    queues = Queue.objects
    (queues.pause if "by" in hold else queues.limit)("default", **hold)
    held = told()
    queues.resume("default")
    queues.limit("default")

    assert (held, told()) == ((True, True), (False, False))
