"""The page of one workflow."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

import django_durable as durable
from django_durable.models import (
    Attempt,
    Event,
    Notification,
    Step,
    Workflow,
)
from django_durable.testing import run_until_idle
from tests import workflows
from tests.admin.pages import LIST, finished, page

pytestmark = pytest.mark.django_db


def test_a_workflow_is_shown_with_its_steps_and_children(client, operator):
    operator("view_workflow", "view_workflow_data")
    workflow = finished()

    text = client.get(page(workflow)).text

    for part in ("tests.workflows.add", "tests.workflows.enter", "order-1/3"):
        assert part in text
    assert "{\n  &quot;key&quot;: &quot;a&quot;\n}" in text


def test_a_child_with_a_slash_in_its_id_has_a_page(client, operator):
    operator("view_workflow")
    finished()

    assert client.get(page(Workflow.objects.get(pk="order-1/3"))).status_code == 200


@pytest.mark.once
def test_payloads_need_a_permission_of_their_own(client, operator):
    operator("view_workflow")
    workflow = finished()

    text = client.get(page(workflow)).text

    assert "durable-inputs" not in text
    assert "tests.workflows.add" in text


def test_an_id_that_does_not_exist_is_no_error(client, operator):
    operator("view_workflow", "cancel_workflow")

    assert client.get(LIST + "nobody/change/").status_code == 302
    assert client.get(LIST + "nobody/cancel/").status_code == 404


def test_messages_events_and_streams_are_shown_with_their_data_to_those_who_may(
    client, operator
):
    operator("view_workflow")
    talker = talks.using(workflow_id="talker").start()
    run_until_idle()
    durable.send(talker, "<b>belated</b>", "news")
    workflow = Workflow.objects.get(pk="talker")

    without = client.get(page(workflow)).text
    operator("view_workflow_data")
    found = client.get(page(workflow)).text

    for text in ("news", "unread", "url", "log</bdi>: 1 value, closed"):
        assert text in without
        assert text in found
    assert "belated" not in without
    assert "/pay" not in without
    assert "&lt;b&gt;belated&lt;/b&gt;" in found
    assert "/pay" in found


@durable.workflow
def talks():
    durable.set_event("url", "/pay")
    durable.write_stream("log", 1)
    durable.close_stream("log")


def test_what_workflows_say_is_text(client, operator):
    operator("view_workflow", "view_workflow_data")
    evil = "<script>alert(1)</script>"
    workflows.total.using(workflow_id=evil.replace("/", "|")).start(evil)
    workflow = Workflow.objects.get()
    Workflow.objects.update(summary=evil, cancel_reason=evil)

    for text in (client.get(LIST).text, client.get(page(workflow)).text):
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text


NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


def steps_of(workflow_id, count, **changes):
    """Insert recorded steps, a second each."""
    Step.objects.bulk_create(
        Step(
            workflow_id=workflow_id,
            step_id=number,
            name=f"shop.step_{number}",
            kind=Step.Kind.STEP,
            claim=1,
            output="json:1",
            started_at=NOW + timedelta(seconds=number),
            completed_at=NOW + timedelta(seconds=number + 1),
            **changes,
        )
        for number in range(1, count + 1)
    )


def stored(workflow_id="w", **changes):
    given = {
        "name": "shop.pay",
        "version": "1",
        "status": Workflow.Status.SUCCESS,
        "inputs": 'json:[{"$dict":[]}]',
        "run_after": NOW,
        "created_at": NOW,
        "started_at": NOW,
        "changed_at": NOW,
        "completed_at": NOW + timedelta(hours=3),
    }
    return Workflow.objects.create(id=workflow_id, **{**given, **changes})


def test_a_long_workflow_takes_no_more_statements_than_a_short_one(client, operator):
    operator("view_workflow", "view_workflow_data")
    for workflow_id, count in ("short", 1), ("long", 1_500):
        stored(workflow_id)
        steps_of(workflow_id, count)

    def cost(workflow_id):
        with CaptureQueriesContext(connection) as executed:
            found = client.get(page(workflow_id))
        assert found.status_code == 200
        return len(executed), found

    few, _ = cost("short")
    many, found = cost("long")

    assert few == many <= 22
    assert "Steps (1500)" in found.text
    assert "1000 earlier ones are not drawn" in found.text
    assert len(found.content) < 600_000


def test_steps_come_in_pages_and_errors_alone_on_demand(client, operator):
    operator("view_workflow")
    stored()
    steps_of("w", 150)
    Step.objects.filter(step_id=7).update(error='json:{"type":"m:E","message":"x"}')

    second = client.get(page("w"), {"steps": "2"}).context["table"]
    errors = client.get(page("w"), {"errors": "1"}).context["table"]
    odd = client.get(page("w"), {"steps": "-5", "errors": "'"}).context["table"]

    assert [step.row.step_id for step in second.rows] == list(range(101, 151))
    assert [step.row.step_id for step in errors.rows] == [7]
    assert len(odd.rows) in (50, 100)


@pytest.mark.once
def test_a_large_value_is_cut_and_can_be_downloaded_whole(client, operator):
    operator("view_workflow", "view_workflow_data")
    stored(output="json:" + json.dumps(["x" * 30_000]))

    shown = client.get(page("w")).text
    whole = client.get(page("w", "payload"), {"of": "output"})

    assert "x" * 30_000 not in shown
    assert ", cut" in shown
    assert json.loads(whole.text) == ["x" * 30_000]
    assert whole["Content-Disposition"] == 'attachment; filename="value.json"'
    assert whole["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in whole["Cache-Control"]


def test_every_kind_of_value_can_be_downloaded_and_no_other(client, operator):
    operator("view_workflow", "view_workflow_data")
    talks.using(workflow_id="talker").start()
    run_until_idle()
    durable.send("talker", "hello")
    message = Notification.objects.get()
    Step.objects.filter(step_id=1).update(output="json:5")

    def download(**query):
        return client.get(page("talker", "payload"), query)

    assert download(of="inputs").text == "{}"
    assert download(of="event", key="url").text == '"/pay"'
    assert download(of="message", id=message.pk).text == '"hello"'
    assert download(of="step", step=1).text == "5"
    for query in (
        {},
        {"of": "pk"},
        {"of": "error"},
        {"of": "step", "step": "x"},
        {"of": "step", "step": 9**20},
        {"of": "step", "step": 1, "branch": "\0"},
        {"of": "event", "key": "\0"},
        {"of": "message", "id": "-1"},
    ):
        assert download(**query).status_code == 404


@pytest.mark.once
def test_a_download_needs_the_permission_for_data(client, operator):
    operator("view_workflow")
    stored()

    assert client.get(page("w", "payload"), {"of": "inputs"}).status_code == 403


@pytest.mark.once
def test_secrets_are_hidden_everywhere(client, operator, settings):
    settings.DURABLE = {"REDACT": ["password", "error.message"]}
    operator("view_workflow", "view_workflow_data")
    secret = 'json:{"password":"hunter2"}'
    failure = 'json:{"type":"m:E","message":"hunter2","traceback":""}'
    stored(
        inputs='json:[{"password":"hunter2"}]',
        output=secret,
        error=failure,
        status=Workflow.Status.ERROR,
        created_at=timezone.now(),
    )
    steps_of("w", 1)
    Step.objects.update(output=secret)
    Event.objects.create(workflow_id="w", key="k", value=secret, updated_at=NOW)
    Notification.objects.create(destination_id="w", message=secret, sent_at=NOW)

    pages = [
        client.get(page("w")).text,
        client.get(LIST).text,
        client.get(page("w", "payload"), {"of": "inputs"}).text,
        client.get(page("w", "payload"), {"of": "error"}).text,
    ]
    export = client.get(reverse("admin:django_durable_workflow_export_csv"))
    pages.append(b"".join(export.streaming_content).decode())

    assert [text for text in pages if "hunter2" in text] == []
    assert "•••" in pages[0]


@pytest.mark.once
def test_a_value_too_long_to_be_read_is_hidden_where_there_are_secrets(
    client, operator, settings
):
    settings.DURABLE = {"REDACT": ["password"]}
    operator("view_workflow", "view_workflow_data")
    stored()
    steps_of("w", 1)
    long = json.dumps({"password": "hunter2", "rest": "x" * 5000})
    Step.objects.update(output=f"json:{long}")

    text = client.get(page("w")).text

    assert "hunter2" not in text
    assert "•••" in text


@pytest.mark.once
def test_what_it_waits_for_stands_at_the_top(client, operator):
    operator("view_workflow")
    waits.using(workflow_id="w").start()
    run_until_idle()

    found = client.get(page("w"))

    assert "message “approval”" in found.text
    assert [bar.kind for bar in found.context["timeline"].rows[-1].bars] == ["open"]


@pytest.mark.once
def test_a_traceback_is_shown_with_the_frames_of_this_package_dimmed(client, operator):
    operator("view_workflow", "view_workflow_data")
    breaks.using(workflow_id="w").start()
    run_until_idle()

    text = client.get(page("w")).text

    assert "Error: <bdi>builtins:ValueError</bdi>" in text
    assert "no &lt;b&gt;more&lt;/b&gt;" in text
    assert '<span class="dd-dim">  File &quot;' in text
    assert "error:ValueError" in text


@pytest.mark.once
def test_failed_tries_are_shown_with_their_step(client, operator):
    operator("view_workflow", "view_workflow_data")
    stored()
    steps_of("w", 1)
    Attempt.objects.create(
        workflow_id="w",
        step_id=1,
        attempt=1,
        error='json:{"type":"m:ReadTimeout","message":"5 s"}',
        failed_at=NOW,
        next_at=NOW + timedelta(seconds=1),
    )

    found = client.get(page("w"))

    assert "ReadTimeout: 5 s" in found.text
    assert found.context["table"].rows[0].attempts == 2
    kinds = [bar.kind for bar in found.context["timeline"].rows[1].bars]
    assert kinds == ["failed", "backoff", "run"]


def test_many_children_are_drawn_as_one_row_for_each_name(client, operator):
    operator("view_workflow")
    stored()
    for number in range(30):
        status = Workflow.Status.ERROR if number < 3 else Workflow.Status.SUCCESS
        stored(f"w/{number}", parent_id="w", name="shop.ship", status=status)

    found = client.get(page("w"))

    assert found.context["timeline"].rows[-1].label == "ship ×30"
    assert "27 ok, 3 failed" in found.context["timeline"].rows[-1].title
    assert "Children</h2>" not in found.text
    assert "Children (30)" in found.text


@pytest.mark.once
def test_rows_that_no_code_of_ours_wrote_are_shown(client, operator):
    operator("view_workflow", "view_workflow_data")
    stored(
        status="NO SUCH STATUS",
        inputs="pickle:gASVBQAAAAAAAABLAS4=",
        output="json:[" * 2000,
        error="cos\nsystem",
        parent_id="nobody",
        created_at=NOW + timedelta(days=40_000),
        recovery_attempts=-5,
    )
    steps_of("w", 1)
    Step.objects.update(kind="odd", step_id=10**9, started_at=NOW + timedelta(days=9))

    found = client.get(page("w"))

    stored("w/1", status="NO SUCH STATUS", parent_id="w")

    assert found.status_code == 200
    assert "NO SUCH STATUS" in found.text
    assert client.get(page("w")).status_code == 200
    assert client.get(LIST, {"window": "all", "level": "all"}).status_code == 200


@pytest.mark.once
def test_a_missed_deadline_is_told(client, operator):
    operator("view_workflow")
    stored(
        status=Workflow.Status.CANCELLED,
        cancel_reason="deadline",
        deadline=NOW,
        created_at=timezone.now(),
    )

    assert "cancelled (deadline)" in client.get(LIST).text
    assert "cancelled (deadline)" in client.get(page("w")).text


@durable.workflow
def waits():
    durable.recv("approval")


@durable.workflow
def breaks():
    workflows.fail("no <b>more</b>")
