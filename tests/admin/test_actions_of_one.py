"""From Django 6.1 on, the page of one row has its actions as a select, too."""

import re

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from django_durable.admin.actions.operations import OPERATIONS
from django_durable.models import Worker, Workflow
from tests.admin.everywhere import ALL
from tests.admin.pages import LIST, answer, finished, page, queued
from tests.counting import noted_writes

pytestmark = [pytest.mark.django_db, pytest.mark.once]

HAS_SELECT = hasattr(admin, "ActionLocation")
NAME = "CHANGE_FORM-action"
Status = Workflow.Status


def select_in(client, address):
    """Return the names of the actions that a page offers, of the select and in all."""
    with noted_writes() as written:
        text = client.get(address).text
    assert written == []
    found = re.search(f'<select name="{NAME}".*?</select>', text, re.DOTALL)
    values = re.findall(r'value="(\w+)"', found[0]) if found else []
    return set(values), {name for name in OPERATIONS if f"/{name}/" in text}


def run(client, workflow, action, **given):
    """Choose an action on the page of a workflow; return where that leads."""
    fields = {NAME: action, "_selected_action": workflow.pk, **given}
    with noted_writes() as written:
        response = client.post(page(workflow), fields)
    assert written == []
    return response


def test_the_select_offers_what_the_links_do(client, root):
    ended, begins = finished(), queued()

    for workflow in (ended, begins):
        names, links = select_in(client, page(workflow))
        assert links
        assert names == (links if HAS_SELECT else set())


def test_an_action_leads_to_the_page_that_asks(client, root):
    workflow = queued()

    for action in OPERATIONS:
        response = run(client, workflow, action)
        if HAS_SELECT:
            assert response.status_code == 302
            assert response["Location"] == page(workflow, action)
            assert client.get(response["Location"]).status_code == 200
        else:
            assert response.status_code == 403
    assert Workflow.objects.get().status == Status.ENQUEUED


def test_what_is_confirmed_there_happens(client, operator):
    operator("view_workflow", "cancel_workflow")
    workflow = queued()

    response = run(client, workflow, "cancel")
    if HAS_SELECT:
        client.post(response["Location"], answer())

    expected = Status.CANCELLED if HAS_SELECT else Status.ENQUEUED
    assert Workflow.objects.get().status == expected


@pytest.mark.parametrize("action", OPERATIONS)
def test_who_lacks_the_permission_is_not_offered_it_and_gets_nowhere(
    client, operator, action
):
    needed = {"restart": "fork", "send": "send", "delete": "delete"}.get(action, action)
    lacks = [codename for codename in ALL if codename.startswith(f"{needed}_")]
    operator(*{*ALL} - {*lacks})
    workflow = queued()
    is_active = action in ("cancel", "send")
    Workflow.objects.update(status=Status.WAITING if is_active else Status.CANCELLED)

    names, _links = select_in(client, page(workflow))
    response = run(client, workflow, action)

    assert lacks
    assert bool(names) == HAS_SELECT
    assert action not in names
    # Django goes back to the page, and says that nothing was chosen.
    assert (response.status_code, response.get("Location")) == (
        (302, page(workflow)) if HAS_SELECT else (403, None)
    )


def test_who_may_only_look_has_no_select(client, operator):
    operator("view_workflow")
    workflow = queued()

    assert select_in(client, page(workflow))[0] == set()
    assert run(client, workflow, "cancel").status_code == 403


def test_a_project_that_decides_for_each_workflow_is_asked(
    client, operator, monkeypatch
):
    operator("view_workflow", "cancel_workflow", "fork_workflow")
    workflow = queued()
    allowed = lambda self, request, obj=None: obj is None  # noqa: E731
    owner = type(client.get(LIST).context["cl"].model_admin)
    monkeypatch.setattr(owner, "has_cancel_permission", allowed)

    names, _links = select_in(client, page(workflow))
    response = run(client, workflow, "cancel")

    assert names == ({"restart", "fork"} if HAS_SELECT else set())
    if HAS_SELECT:
        response = client.get(response["Location"])
    assert response.status_code == 403


def test_it_needs_the_token_against_forged_requests(root):
    client = Client(enforce_csrf_checks=True)
    client.force_login(root)

    assert run(client, queued(), "cancel").status_code == 403


def test_what_is_no_action_of_the_page_does_nothing(client, root):
    workflow = queued()

    for action in ("cancel_selected", "erase_selected", "", "x\x00"):
        response = run(client, workflow, action, index="x")
        assert response.status_code == (302 if HAS_SELECT else 403), action
        assert response.get("Location", page(workflow)) == page(workflow)


def test_it_is_about_the_workflow_of_the_page_and_no_other(client, root):
    queued(workflow_id="other")
    workflow = queued()

    for selected in ("other", ["other", workflow.pk], []):
        response = run(client, workflow, "cancel", _selected_action=selected)
        assert response.status_code == (400 if HAS_SELECT else 403)


def test_the_list_keeps_to_its_own_actions(client, root):
    queued()

    actions = client.get(LIST).context["action_form"].fields["action"].choices

    assert [name for name, _text in actions] == [
        "",
        "cancel_selected",
        "resume_selected",
        "restart_selected",
        "erase_selected",
    ]


def test_a_worker_is_drained_from_there_by_who_may(client, operator):
    operator("view_worker")
    worker = Worker.objects.register(Worker.Kind.WORKER)
    place = reverse("admin:django_durable_worker_change", args=[worker.pk])
    asking = reverse("admin:django_durable_worker_drain", args=[worker.pk])
    fields = {NAME: "drain", "_selected_action": worker.pk}
    listed = client.get(reverse("admin:django_durable_worker_changelist"))

    before = select_in(client, place)[0], client.post(place, fields).status_code
    operator("manage_queue")
    names, response = select_in(client, place)[0], client.post(place, fields)

    assert before == (set(), 403)
    assert listed.context["action_form"] is None
    assert names == ({"drain"} if HAS_SELECT else set())
    assert response.get("Location", "") == (asking if HAS_SELECT else "")
