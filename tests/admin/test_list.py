"""The list of workflows: what it shows, filters, searches, counts, exports."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from django_durable.admin.listing import counts, export as exports
from django_durable.admin.listing.export import cell
from django_durable.models import Attempt, Queue, Wait, Worker, Workflow
from django_durable.models.status import TERMINAL
from django_durable.models.targets import TIMER, message_target
from django_durable.models.wait import WaitRow
from tests.admin.pages import LIST, finished, page, queued
from tests.counting import noted_writes

Status = Workflow.Status
pytestmark = pytest.mark.django_db


def test_the_list_shows_workflows(client, operator):
    operator("view_workflow")
    finished()

    found = client.get(LIST)

    assert found.status_code == 200
    assert "order-1" in found.text
    assert "tests.workflows.book" in found.text


def test_without_a_permission_nothing_is_shown(client, operator):
    workflow = queued()

    assert client.get(LIST).status_code == 403
    assert client.get(page(workflow)).status_code == 403


def test_stranded_workflows_can_be_found(client, operator):
    operator("view_workflow")
    workflow = queued()
    other = queued()
    Worker.objects.register(
        Worker.Kind.WORKER, definitions=[(workflow.name, workflow.version)]
    )
    Workflow.objects.filter(pk=other.pk).update(version="older")

    text = client.get(LIST, {"state": "stranded"}).text

    assert other.pk in text
    assert workflow.pk not in text


def ids_in(response):
    return {row.pk for row in response.context["cl"].result_list}


def listed(client, **params):
    response = client.get(LIST, params)
    assert response.status_code == 200, response
    return ids_in(response)


def rows(*changes):
    """Insert workflows as they might have been left; return their ids."""
    now = timezone.now()
    made = [
        Workflow(
            **{
                "id": f"w{number}",
                "name": "shop.pay",
                "version": "1",
                "inputs": 'json:[{"$dict":[]}]',
                "run_after": now,
                "created_at": now,
                "changed_at": now,
                **({"completed_at": now} if change.get("status") in TERMINAL else {}),
                **change,
            }
        )
        for number, change in enumerate(changes)
    ]
    Workflow.objects.bulk_create(made)


def test_by_default_the_list_shows_the_last_day_and_everything_unfinished(
    client, operator
):
    operator("view_workflow")
    old = timezone.now() - timedelta(days=2)
    rows(
        {"id": "old", "status": Status.SUCCESS, "created_at": old},
        {"id": "old-but-waiting", "status": Status.WAITING, "created_at": old},
        {"id": "new", "status": Status.SUCCESS},
        {"id": "child", "parent_id": "new"},
    )

    assert listed(client) == {"old-but-waiting", "new"}
    assert listed(client, window="all") == {"old", "old-but-waiting", "new"}
    assert listed(client, level="all") == {"old-but-waiting", "new", "child"}
    assert listed(client, children="yes") == {"new"}


def test_each_filter_keeps_what_it_names(client, operator):
    operator("view_workflow")
    rows(
        {"id": "dead", "status": Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED},
        {"id": "failed", "status": Status.ERROR, "name": "shop.refund"},
        {"id": "paused", "status": Status.PAUSED, "queue_name": "mail"},
        {"id": "waiting", "status": Status.WAITING, "version": "2"},
        {"id": "asleep", "status": Status.WAITING},
    )
    now = timezone.now()
    Wait.objects.keep("waiting", [WaitRow("", 1, message_target("waiting", "go"))])
    Wait.objects.keep("asleep", [WaitRow("", 1, TIMER, now)])
    Attempt.objects.create(
        workflow_id="paused",
        step_id=1,
        attempt=1,
        error="",
        failed_at=now,
        next_at=now,
    )

    assert listed(client, state="failed") == {"dead", "failed"}
    assert listed(client, state="dead") == {"dead"}
    assert listed(client, state="paused") == {"paused"}
    assert listed(client, state="unfinished") == {"paused", "waiting", "asleep"}
    assert listed(client, name="shop.refund") == {"failed"}
    assert listed(client, queue="mail") == {"paused"}
    assert listed(client, version="2") == {"waiting"}
    assert listed(client, waiting="message") == {"waiting"}
    assert listed(client, waiting="timer") == {"asleep"}
    assert listed(client, retried="yes") == {"paused"}
    assert listed(client, state="no such state") == set()


def test_the_list_says_what_is_waited_for(client, operator):
    operator("view_workflow")
    rows({"id": "waiting", "status": Status.WAITING, "wake_at": timezone.now()})
    Wait.objects.keep("waiting", [WaitRow("", 1, message_target("waiting", "go"))])

    assert "message “go” until" in client.get(LIST).text


def test_the_search_knows_beginnings_ids_names_attributes_and_errors(client, operator):
    operator("view_workflow", "view_workflow_data")
    rows(
        {"id": "order-1", "attributes": {"customer": 42, "vip": True}},
        {"id": "order-10", "attributes": {"customer": "43"}},
        {"id": "Order-2", "name": "shop.Refund"},
        {
            "id": "late",
            "status": Status.ERROR,
            "error": 'json:{"type":"m:ReadTimeout","message":"5 s"}',
        },
    )

    assert listed(client, q="order-1") == {"order-1", "order-10"}
    assert listed(client, q="=order-1") == {"order-1"}
    assert listed(client, q="order- attr.customer:42") == {"order-1"}
    assert listed(client, q="attr.customer:43") == {"order-10"}
    assert listed(client, q="attr.vip:true") == {"order-1"}
    assert listed(client, q="name:refund") == {"Order-2"}
    assert listed(client, q="error:timeout") == {"late"}


def test_errors_cannot_be_guessed_at_without_permission(client, operator):
    operator("view_workflow")
    error = 'json:{"type":"m:Secret","message":"hunter2"}'
    rows({"id": "late", "status": Status.ERROR, "error": error})

    found = client.get(LIST, {"q": "error:hunter2"})

    assert ids_in(found) == set()
    assert "must be allowed to see them" in found.text
    assert "hunter2</bdi>" not in client.get(LIST).text


def test_the_counts_are_of_everything_else_that_is_filtered(client, operator):
    operator("view_workflow")
    rows(
        {"status": Status.SUCCESS},
        {"status": Status.SUCCESS},
        {"status": Status.ERROR},
        {"status": Status.ERROR, "queue_name": "mail"},
    )

    strip = client.get(LIST, {"state": "error", "queue": "default"}).context["cl"].strip

    assert [(count.state, count.number) for count in strip] == [
        ("", 3),
        ("success", 2),
        ("error", 1),
    ]


def test_counts_stop_and_say_so(client, operator, monkeypatch):
    operator("view_workflow")
    monkeypatch.setattr(counts, "MOST_COUNTED", 2)
    rows({}, {}, {}, {})

    found = client.get(LIST)

    assert "<strong>2+</strong>" in found.text
    assert found.context["cl"].result_count == 2


def test_the_list_takes_eight_statements_however_long_it_is(client, operator):
    operator("view_workflow", "view_workflow_data")
    error = 'json:{"type":"m:E","message":""}'
    states = [{"status": status, "error": error} for status in Status]

    def cost():
        with CaptureQueriesContext(connection) as executed, noted_writes() as written:
            assert client.get(LIST).status_code == 200
        assert written == []
        return [each["sql"] for each in executed.captured_queries]

    rows(*states)
    few = cost()
    Queue.objects.limit("default", concurrency=1, rate=1, period=1)
    worker = Worker.objects.register(Worker.Kind.WORKER)
    more = [
        {"id": f"{status}-{number}", "status": status, "worker_id": worker.pk}
        for number in range(20)
        for status in Status
    ]
    rows(*more)
    Wait.objects.keep("WAITING-1", [WaitRow("", 1, TIMER)])
    many = cost()

    assert len(few) == len(many) <= 8
    assert all(sql.lstrip("( \n").startswith(("SELECT", "WITH")) for sql in many)


def test_the_export_has_what_the_list_has(client, operator):
    operator("view_workflow")
    rows({"id": "a", "summary": "=HYPERLINK(1)"}, {"id": "b", "queue_name": "mail"})

    csv = export(client, "csv", queue="default")
    (found,) = json.loads(export(client, "json", queue="mail"))

    assert "a,shop.pay" in csv
    assert "'=HYPERLINK(1)" in csv
    assert "\r\nb," not in csv
    assert found["id"] == "b"
    assert "inputs" not in found
    assert json.loads(export(client, "json", q="nothing")) == []


def test_the_export_has_payloads_for_those_who_may_see_them(client, operator):
    operator("view_workflow", "view_workflow_data")
    queued()

    (found,) = json.loads(export(client, "json"))

    assert json.loads(found["inputs"]) == {"numbers": [1, 2]}


@pytest.mark.once
def test_an_export_that_ends_early_says_so_before_and_in_its_answer(
    client, operator, monkeypatch
):
    operator("view_workflow")
    rows({"id": "a"}, {"id": "b"})
    address = reverse("admin:django_durable_workflow_export_json")
    monkeypatch.setattr(exports, "MOST_ROWS", 2)
    whole = client.get(address)
    assert exports.CUT not in whole
    assert "the newest" not in client.get(LIST).text

    monkeypatch.setattr(exports, "MOST_ROWS", 1)
    cut = client.get(address)

    assert cut[exports.CUT] == "1"
    assert [len(json.loads(b"".join(found))) for found in (whole, cut)] == [2, 1]
    assert "Export CSV (the newest 1)" in client.get(LIST).text
    narrow = client.get(address, {"queue": "nothing"})
    assert exports.CUT not in narrow


@pytest.mark.parametrize("start", ["=1", "+1", "-2+3", "@x", "\t=1", "\r=1"])
def test_no_cell_of_an_export_is_a_formula(start):
    assert cell(start) == f"'{start}"


def export(client, form, **params):
    response = client.get(
        reverse(f"admin:django_durable_workflow_export_{form}"), params
    )
    assert response.status_code == 200
    assert response["Content-Disposition"].startswith("attachment")
    return b"".join(response.streaming_content).decode()
