"""What can be done: each asks first, needs its permission, and is written down."""

import pytest
from django.contrib.auth.models import User

from django_durable.models import Workflow
from tests.admin.pages import LIST, answer, page, queued

Status = Workflow.Status

pytestmark = pytest.mark.django_db


@pytest.mark.once
def test_nothing_can_be_added_edited_or_deleted_by_hand(client, operator):
    operator("view_workflow", "delete_workflow")
    workflow = queued()

    assert client.get(LIST + "add/").status_code == 403
    assert client.post(page(workflow), {"status": "SUCCESS"}).status_code == 403
    client.post(page(workflow, "delete"), answer())
    assert Workflow.objects.get(pk=workflow.pk).status == Status.ENQUEUED


@pytest.mark.once
@pytest.mark.parametrize(
    "action", ["cancel", "resume", "restart", "delete", "fork", "send"]
)
def test_an_action_needs_its_permission(client, operator, action):
    operator("view_workflow")
    workflow = queued()

    assert client.get(page(workflow, action)).status_code == 403
    assert client.post(page(workflow, action)).status_code == 403
    assert f"/{action}/" not in client.get(page(workflow)).text


def test_cancelling_asks_first_and_is_logged(client, operator):
    operator("view_workflow", "cancel_workflow")
    workflow = queued()

    asked = client.get(page(workflow, "cancel"))
    before = Workflow.objects.get(pk=workflow.pk).status
    given = answer(reason="The customer left.")
    done = client.post(page(workflow, "cancel"), given, follow=True)

    assert (asked.status_code, before) == (200, Status.ENQUEUED)
    assert "It was cancelled." in done.text
    row = Workflow.objects.get(pk=workflow.pk)
    assert (row.status, row.cancel_reason) == (
        Status.CANCELLED,
        "cancelled by ana in the admin: The customer left.",
    )
    entry = User.objects.get().logentry_set.get()
    assert "Reason: The customer left." in entry.get_change_message()
    assert "The customer left." in client.get(page(workflow, "history")).text


def test_resuming_goes_on_and_a_refusal_is_told(client, operator):
    operator("view_workflow", "resume_workflow")
    workflow = queued()
    workflow.cancel()

    resumed = client.post(page(workflow, "resume"), answer(), follow=True)
    refused = client.post(page(workflow, "resume"), answer(), follow=True)

    assert "goes on from its last completed step" in resumed.text
    assert Workflow.objects.get(pk=workflow.pk).status == Status.ENQUEUED
    assert refused.status_code == 200
    assert "resume" in refused.text
