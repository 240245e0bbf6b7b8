"""One workflow as a file, and the tries of steps that have not come through."""

import json
import re
from datetime import timedelta
from html import unescape

import pytest
from django.urls import reverse

import django_durable as durable
from django_durable.admin.detail import export as one
from django_durable.definitions import registry
from django_durable.models import Workflow
from django_durable.testing import run_until_idle, virtual_time
from tests.admin.pages import finished, page

pytestmark = pytest.mark.django_db


class Down(Exception):
    pass


@durable.step(max_attempts=5, interval=60, redact=["error.token"])
def call():
    raise Down("token of a customer")


@durable.step(max_attempts=5, interval=60)
def fails():
    raise Down("the network")


@durable.step(max_attempts=5, interval=60)
def falters():
    if durable.current().step_attempt == 1:
        raise Down("the network")


@durable.workflow
def recovers():
    falters()


@durable.workflow
def calls(failing):
    durable.set_event("stage", "called")
    return (fails if failing else call)()


def exported(client, pk):
    found = client.get(reverse("admin:django_durable_workflow_export", args=[pk]))
    assert found.status_code == 200
    assert "attachment" in found["Content-Disposition"]
    return json.loads(b"".join(found.streaming_content))


def test_a_workflow_is_exported_with_all_that_hangs_on_it(client, operator):
    operator("view_workflow")
    finished("w")

    plain = exported(client, "w")
    operator("view_workflow_data")
    whole = exported(client, "w")

    assert plain["id"] == whole["id"] == "w"
    assert [step["name"] for step in plain["steps"]]
    assert "output" not in plain
    assert not any("output" in step for step in plain["steps"])
    assert json.loads(whole["inputs"])
    assert all("output" in step for step in whole["steps"])
    assert [link in client.get(page("w")).text for link in ("export.json", "Export")]


def test_an_export_has_events_and_tries(client, operator):
    operator("view_workflow", "view_workflow_data")
    calls.using(workflow_id="calls").start(True)
    run_until_idle()

    found = exported(client, "calls")

    assert found["events"][0]["value"] == '"called"'
    assert found["attempts"][0]["attempt"] == 1


@pytest.mark.once
def test_an_export_names_the_parts_that_it_has_not_whole(client, operator, monkeypatch):
    operator("view_workflow")
    finished("w")
    whole = exported(client, "w")
    assert whole["cut"] == []

    monkeypatch.setattr(one, "MOST_ROWS", len(whole["steps"]) - 1)
    found = exported(client, "w")

    assert found["cut"] == ["steps"]
    assert len(found["steps"]) == len(whole["steps"]) - 1


@pytest.mark.once
def test_nothing_is_exported_without_permission(client, operator):
    finished("w")
    address = reverse("admin:django_durable_workflow_export", args=["w"])

    assert client.get(address).status_code == 403
    operator("view_workflow")
    assert client.get(address.replace("/w/", "/nobody/")).status_code == 404


def test_a_step_that_is_still_tried_is_listed_with_its_failures(client, operator):
    operator("view_workflow")
    calls.using(workflow_id="calls").start(True)
    with virtual_time() as time:
        run_until_idle()
        time.advance(timedelta(minutes=2))
        run_until_idle()

    (step,) = client.get(page("calls")).context["table"].open

    assert step.attempts == 2
    assert [each["row"].attempt for each in step.tries] == [1, 2]
    text = client.get(page("calls")).text
    assert "being tried" in text
    assert "Down" not in text
    assert Workflow.objects.get().steps.count() == 1


def test_each_failed_try_leads_to_its_traceback(client, operator):
    operator("view_workflow", "view_workflow_data")
    with virtual_time() as time:
        recovers.using(workflow_id="calls").start()
        run_until_idle()
        time.advance(timedelta(minutes=2))
        run_until_idle()
    text = unescape(client.get(page("calls")).text)
    (link,) = re.findall(r'href="([^"]+of=attempt[^"]+)"', text)

    found = client.get(link)

    assert "the network" in found.text
    assert "in falters" in found.text
    for wrong in ("attempt=2", "attempt=x", "attempt=-1"):
        assert client.get(link.replace("attempt=1", wrong)).status_code == 404


@pytest.mark.once
def test_what_any_step_hides_is_hidden_of_a_step_without_a_name(
    client, operator, cli, monkeypatch
):
    monkeypatch.setitem(registry._redactions, "hides", ("error",))
    operator("view_workflow", "view_workflow_data")
    calls.using(workflow_id="calls").start(False)
    run_until_idle()

    text = client.get(page("calls")).text
    file = json.dumps(exported(client, "calls"))
    link = f"{page('calls', 'payload')}?of=attempt&step=2&attempt=1"

    assert "being tried" in text
    told = cli("steps", "calls", "--json").out
    for shown in (text, file, client.get(link).text, told):
        assert "token of a customer" not in shown
        assert "•••" in shown or "\\u2022" in shown
