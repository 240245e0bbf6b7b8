"""Workers in the admin: how lively they are, what they hold, and leaving."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from django_durable.admin import DurableWorkerAdmin
from django_durable.models import Worker, Workflow
from tests.admin.rows import add, register
from tests.admin.test_following import followed

pytestmark = pytest.mark.django_db

LIST = reverse("admin:django_durable_worker_changelist")
Status = Workflow.Status


def page(worker, name="change"):
    return reverse(f"admin:django_durable_worker_{name}", args=[worker.pk])


def test_workers_are_shown_with_what_they_serve_and_hold(client, operator):
    operator("view_worker", "view_workflow")
    worker = register(queues=["mail"], rss_bytes=300 * 2**20)
    add("first", Status.PENDING, ago=90, worker=worker)
    add("second", Status.PENDING, worker=worker)
    unknown = register(ago=3600, kind=Worker.Kind.DIRECT)
    register(state=Worker.State.STOPPED)

    text = client.get(LIST).text

    for part in ("mail", "2 / 16", "first", "+1", "fresh", "lost", "stopped", "all"):
        assert part in text
    assert f'{worker.pk}" data-dd-cell="memory">300.0\xa0MB<' in text
    assert f'{unknown.pk}" data-dd-cell="memory">–<' in text


def test_the_list_takes_as_many_statements_for_many_workers(client, operator):
    operator("view_worker", "view_workflow")

    def cost():
        with CaptureQueriesContext(connection) as queries:
            assert client.get(LIST).status_code == 200
        return len(queries)

    add("a", Status.PENDING, worker=register())
    client.get(LIST)
    few = cost()
    for number in range(10):
        add(f"w{number}", Status.PENDING, worker=register())

    assert cost() == few


@pytest.mark.once
def test_no_worker_at_all_says_what_to_type(client, operator):
    operator("view_worker")

    assert "python manage.py run_workflows" in client.get(LIST).text


def test_the_page_of_a_worker_is_followed(client, operator):
    operator("view_worker", "view_workflow")
    worker = register(ago=3600)
    text = client.get(page(worker)).text
    address = followed(text)
    assert "data-dd-controls" in text
    before = client.get(address)
    same = client.get(address, headers={"If-None-Match": before["ETag"]})
    add("held", Status.PENDING, worker=worker)
    state = Worker.State.DRAINING
    Worker.objects.filter(pk=worker.pk).update(state=state, rss_bytes=2**30)

    after = client.get(address, headers={"If-None-Match": before["ETag"]}).json()

    ((pk, cells),) = after["rows"].items()
    assert (before.status_code, same.status_code, pk) == (200, 304, str(worker.pk))
    for name in cells:
        assert f'data-dd-row="{pk}" data-dd-cell="{name}"' in text
    assert before.json()["rows"][pk].items() >= {("memory", "–"), ("current", "–")}
    assert cells["pulse"]["word"] == "lost"
    assert cells["slots"] == "1 / 16"
    assert cells["memory"] == "1.0\xa0GB"
    assert cells["current"]["text"] == "held"
    assert after["news"] == ""


def test_the_page_of_a_worker_says_when_it_is_gone(client, operator):
    operator("view_worker")
    worker = register()
    address = followed(client.get(page(worker)).text)
    shown = client.get(address).json()["rows"][str(worker.pk)]
    worker.delete()

    answer = client.get(address)

    assert answer.status_code == 404
    assert "no-store" in answer["Cache-Control"]
    assert answer.json()["news"] == "It is no longer there"
    assert answer.json()["is_over"]
    (cells,) = answer.json()["rows"].values()
    assert cells.keys() == shown.keys()
    assert cells.pop("pulse")["word"] == "no longer there"
    assert {*cells.values()} == {"", "–"}


@pytest.mark.once
def test_a_hidden_worker_is_answered_like_one_that_is_gone(
    client, operator, monkeypatch
):
    operator("view_worker")
    worker = register(host="secret")
    address = followed(client.get(page(worker)).text)
    everything = DurableWorkerAdmin.get_queryset

    def narrowed(self, request):
        return everything(self, request).exclude(host="secret")

    monkeypatch.setattr(DurableWorkerAdmin, "get_queryset", narrowed)
    hidden = client.get(address)
    worker.delete()
    gone = client.get(address)

    assert (hidden.status_code, gone.status_code) == (404, 404)
    assert hidden.content == gone.content


@pytest.mark.once
def test_who_may_not_see_a_worker_cannot_follow_it(client, operator, monkeypatch):
    operator("view_worker")
    worker = register()
    address = followed(client.get(page(worker)).text)

    def refused(self, request, obj=None):
        return obj is None

    monkeypatch.setattr(DurableWorkerAdmin, "has_view_permission", refused)

    for place in (page(worker), address):
        assert client.get(place).status_code == 403


@pytest.mark.once
def test_a_worker_is_shown_with_its_code_and_what_others_wrote_as_text(
    client, operator
):
    operator("view_worker")
    worker = register(host="<b>\u202ehost", definitions=[["<i>orders", "1"]])

    for text in (client.get(LIST).text, client.get(page(worker)).text):
        assert "<b>" not in text
        assert "\u202e" not in text
    assert "&lt;i&gt;orders 1" in client.get(page(worker)).text


def test_a_worker_is_asked_to_leave_after_a_question(client, operator):
    operator("view_worker")
    worker = register()
    assert client.get(page(worker, "drain")).status_code == 403
    assert "Drain" not in client.get(page(worker)).text

    operator("manage_queue")
    asked = client.get(page(worker, "drain"))
    before = Worker.objects.get(pk=worker.pk).state
    done = client.post(page(worker, "drain"), {"reason": "deploy"}, follow=True)
    again = client.post(page(worker, "drain"), {"reason": ""}, follow=True)

    assert (asked.status_code, before) == (200, Worker.State.RUNNING)
    assert "It was asked to leave." in done.text
    assert "It is leaving or gone already." in again.text
    assert "draining" in client.get(LIST).text
    assert Worker.objects.is_to_drain(worker.pk)
    unknown = page(worker, "drain").replace(str(worker.pk), str(uuid.uuid4()))
    assert client.get(unknown).status_code == 404


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": Worker.Kind.DIRECT},
        {"state": Worker.State.STOPPED},
        {"ago": timedelta(hours=1).total_seconds()},
    ],
)
def test_who_does_not_run_cannot_be_asked(changes):
    worker = register(**changes)

    assert Worker.objects.drain(worker.pk) is False
    assert not Worker.objects.is_to_drain(worker.pk)


@pytest.mark.once
def test_a_project_may_decide_which_worker_leaves(client, operator, monkeypatch):
    operator("view_worker", "manage_queue")
    worker = register()
    refuse = lambda self, request, obj=None: False  # noqa: E731
    monkeypatch.setattr(DurableWorkerAdmin, "has_drain_permission", refuse)

    found = [client.get(page(worker, "drain")), client.post(page(worker, "drain"))]

    assert [each.status_code for each in found] == [403, 403]
    assert "/drain/" not in client.get(page(worker)).text
    assert Worker.objects.get().state == Worker.State.RUNNING
