"""A project decides about each workflow, and every address is asked in any way."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

import django_durable as durable
from django_durable.admin.workflow import DurableWorkflowAdmin
from django_durable.models import Notification, Workflow
from django_durable.testing import run_until_idle
from tests.admin.everywhere import addresses, everything_there
from tests.admin.pages import answer, page, queued

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@durable.workflow
def writes():
    durable.write_stream("log", "line")


@pytest.fixture
def decides(monkeypatch):
    """Let the project answer a question about permissions by a function."""

    def decide(name, function):
        monkeypatch.setattr(DurableWorkflowAdmin, f"has_{name}_permission", function)

    return decide


@pytest.fixture
def foreign(decides):
    """Return a workflow that a project shows to nobody."""
    workflow = writes.using(workflow_id="foreign", queue_name="theirs").start()
    run_until_idle()
    decides("view", lambda self, request, obj=None: obj is None)
    return workflow.workflow_id


def test_no_page_shows_a_workflow_that_the_project_hides(client, operator, foreign):
    operator("view_workflow", "view_stream", "cancel_workflow")
    stream = reverse("admin:django_durable_stream")
    rows = reverse("admin:django_durable_api_rows")
    live = reverse("admin:django_durable_api_live", args=[foreign])
    home = reverse("admin:app_list", args=["django_durable"])
    Workflow.objects.filter(pk=foreign).update(status="ERROR", error="json:{}")

    assert foreign not in client.get(home).text
    assert client.get(page(foreign)).status_code == 403
    assert client.get(page(foreign, "cancel")).status_code == 403
    assert client.get(stream, {"workflow": foreign, "key": "log"}).status_code == 403
    assert client.get(rows, {"ids": foreign}).json()["rows"] == {}
    assert client.get(live).json()["rows"] == {}
    assert client.get(live).json()["version"] == "gone"


def test_a_project_may_refuse_the_download_of_a_payload(client, operator, decides):
    operator("view_workflow", "view_workflow_data")
    workflow = queued()
    decides("view_data", lambda self, request, obj=None: False)

    found = client.get(page(workflow, "payload"), {"of": "inputs"})

    assert found.status_code == 403


@pytest.mark.parametrize("topic", ["approval", " approval", "approval\u2003"])
def test_a_topic_is_sent_as_it_was_permitted(client, operator, decides, topic):
    operator("view_workflow", "send_workflow_message")
    workflow = queued()
    decides("topic", lambda self, request, obj, topic: topic != "approval")

    client.post(page(workflow, "send"), answer(topic=topic, message="1"))

    sent = Notification.objects.values_list("topic", flat=True)
    assert list(sent) == [topic] * (topic != "approval")


def test_every_address_answers_to_head_and_options(client):
    workflow, there = everything_there()
    client.force_login(User.objects.create_superuser("root"))

    for name, (address, _needed) in addresses(workflow.pk, there).items():
        expected = (client.get(address).status_code, 405)
        assert client.head(address).status_code in expected, name
        assert client.options(address).status_code in expected, name
