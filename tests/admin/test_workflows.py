"""The admin shows everything, edits nothing, and acts with a permission."""

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Permission, User
from django.urls import reverse

import django_durable as durable
from django_durable.models import Worker, Workflow
from django_durable.testing import run_until_idle
from tests import workflows

pytestmark = pytest.mark.django_db

LIST = reverse("admin:django_durable_workflow_changelist")
Status = Workflow.Status


@pytest.fixture
def operator(client):
    """Log a user of the staff in; return how to give permissions."""
    user = User.objects.create_user("ana", password="secret", is_staff=True)
    client.force_login(user)

    def allow(*codenames):
        found = Permission.objects.filter(codename__in=codenames)
        assert found.count() == len(codenames)
        user.user_permissions.add(*found)

    return allow


def page(workflow, action="change"):
    name = f"admin:django_durable_workflow_{action}"
    return reverse(name, args=[quote(workflow.pk)])


def finished():
    workflows.book.using(workflow_id="order-1")("a")
    return Workflow.objects.get(pk="order-1")


def queued():
    return Workflow.objects.get(pk=workflows.total.start(1, 2).workflow_id)


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


def test_a_workflow_is_shown_with_its_steps_and_children(client, operator):
    operator("view_workflow", "view_workflow_data")
    workflow = finished()

    text = client.get(page(workflow)).text

    for part in ("tests.workflows.add", "tests.workflows.enter", "order-1/3"):
        assert part in text
    assert "json:[" in text


def test_a_child_with_a_slash_in_its_id_has_a_page(client, operator):
    operator("view_workflow")
    finished()

    assert client.get(page(Workflow.objects.get(pk="order-1/3"))).status_code == 200


def test_payloads_need_a_permission_of_their_own(client, operator):
    operator("view_workflow")
    workflow = finished()

    text = client.get(page(workflow)).text

    assert "json:" not in text
    assert "tests.workflows.add" in text


def test_nothing_can_be_added_edited_or_deleted_by_hand(client, operator):
    operator("view_workflow", "delete_workflow")
    workflow = queued()

    assert client.get(LIST + "add/").status_code == 403
    assert client.post(page(workflow), {"status": "SUCCESS"}).status_code == 403
    assert client.post(page(workflow, "delete"), {"post": "yes"}).status_code == 403
    assert Workflow.objects.get(pk=workflow.pk).status == Status.ENQUEUED


@pytest.mark.parametrize("action", ["cancel", "resume"])
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
    done = client.post(page(workflow, "cancel"), follow=True)

    assert (asked.status_code, before) == (200, Status.ENQUEUED)
    assert "It was cancelled." in done.text
    row = Workflow.objects.get(pk=workflow.pk)
    assert (row.status, row.cancel_reason) == (
        Status.CANCELLED,
        "cancelled by ana in the admin",
    )
    assert User.objects.get().logentry_set.count() == 1


def test_resuming_goes_on_and_a_refusal_is_told(client, operator):
    operator("view_workflow", "resume_workflow")
    workflow = queued()
    workflow.cancel()

    resumed = client.post(page(workflow, "resume"), follow=True)
    refused = client.post(page(workflow, "resume"), follow=True)

    assert "goes on from its last completed step" in resumed.text
    assert Workflow.objects.get(pk=workflow.pk).status == Status.ENQUEUED
    assert refused.status_code == 200
    assert "resume" in refused.text


def test_many_are_cancelled_at_once(client, operator):
    operator("view_workflow", "cancel_workflow")
    chosen = [queued().pk, queued().pk, finished().pk]

    done = client.post(
        LIST,
        {"action": "cancel_selected", "_selected_action": chosen},
        follow=True,
    )

    assert "2 workflows were cancelled." in done.text
    assert Workflow.objects.filter(status=Status.CANCELLED).count() == 2


def test_stranded_workflows_can_be_found(client, operator):
    operator("view_workflow")
    workflow = queued()
    other = queued()
    Worker.objects.register(
        Worker.Kind.WORKER, definitions=[(workflow.name, workflow.version)]
    )
    Workflow.objects.filter(pk=other.pk).update(version="older")

    text = client.get(LIST, {"stranded": "yes"}).text

    assert other.pk in text
    assert workflow.pk not in text


def test_an_id_that_does_not_exist_is_no_error(client, operator):
    operator("view_workflow", "cancel_workflow")

    assert client.get(LIST + "nobody/change/").status_code == 302
    assert client.get(LIST + "nobody/cancel/").status_code == 404


def test_workers_are_shown(client, operator):
    operator("view_worker")
    Worker.objects.register(Worker.Kind.WORKER, queues=["mail"])

    text = client.get(reverse("admin:django_durable_worker_changelist")).text

    assert "mail" in text


def test_what_workflows_say_is_text(client, operator):
    operator("view_workflow", "view_workflow_data")
    evil = "<script>alert(1)</script>"
    workflows.total.using(workflow_id=evil.replace("/", "|")).start(evil)
    workflow = Workflow.objects.get()
    Workflow.objects.update(summary=evil, cancel_reason=evil)

    for text in (client.get(LIST).text, client.get(page(workflow)).text):
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text


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

    for text in ("news", "unread", "url", "log: 1 value, closed"):
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
