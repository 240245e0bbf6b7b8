"""Actions on many run as a workflow: confirmed, signed, once, and abortable."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core import signing
from django.test import Client
from django.urls import reverse

from django_durable import bulk
from django_durable.bulk import runs, selection as selections
from django_durable.bulk.selection import Selection
from django_durable.models import Worker, Workflow
from django_durable.testing import run_until_idle, virtual_time
from tests import workflows
from tests.admin.pages import LIST, begun, choice, finished, hidden, queued

pytestmark = pytest.mark.django_db

RUNS = reverse("admin:django_durable_bulk")
Status = Workflow.Status


def several(number, **options):
    return [queued(queue_name="many", **options).pk for _ in range(number)]


def confirmation(client, action="cancel", **filters):
    """Choose all that the list shows; return the fields of the page that asks."""
    address = f"{LIST}?queue=many"
    chosen = {
        "action": f"{'erase' if action == 'delete' else action}_selected",
        "select_across": "1",
        "_selected_action": Workflow.objects.filter(queue_name="many").first().pk,
    }
    asked = client.post(address, chosen)
    assert asked.status_code == 200
    assert RUNS in asked.text
    return {**hidden(asked.text), "reason": "a duplicate <b>"}


def run_of(response):
    assert response.status_code == 302, response.text
    return response["Location"]


@pytest.fixture
def begin():
    """Start a run of a superuser, on all that stands in the queue ``many``."""
    user = User.objects.create_superuser("root")

    def begin(action, **changes):
        return begun(user, action, **changes)

    return begin


def test_all_that_match_are_cancelled_by_a_run_that_shows_its_progress(
    client, operator
):
    operator("view_workflow", "cancel_workflow")
    pks = several(3)
    other = queued()
    fields = confirmation(client)

    page = run_of(client.post(RUNS, fields))
    before = client.get(page).text
    run_until_idle()
    after = client.get(page).text

    assert "No worker is running that would do it." in before
    assert "0 of 3" in before
    assert "3 of 3" in after
    assert "a duplicate &lt;b&gt;" in after
    rows = Workflow.objects.filter(pk__in=pks)
    assert set(rows.values_list("status", flat=True)) == {Status.CANCELLED}
    assert all("a duplicate" in row.cancel_reason for row in rows)
    assert Workflow.objects.get(pk=other.pk).status != Status.CANCELLED
    assert LogEntry.objects.filter(object_id__in=pks).count() == 3
    assert "cancel" in client.get(RUNS).text
    assert client.get(page + "api/").json()["figures"]["done"] == "3"


@pytest.mark.once
def test_what_is_ticked_is_done_by_a_run_too(client, operator):
    operator("view_workflow", "cancel_workflow")
    chosen = [queued().pk, queued().pk, finished().pk]
    other = queued()

    asked = client.post(LIST, {"action": "cancel_selected", "_selected_action": chosen})
    before = Workflow.objects.filter(status=Status.CANCELLED).count()
    page = run_of(client.post(RUNS, {**hidden(asked.text), "reason": "all of them"}))
    run_until_idle()

    assert (asked.status_code, before) == (200, 0)
    assert "3 of 3" in client.get(page).text
    cancelled = Workflow.objects.filter(status=Status.CANCELLED)
    assert sorted(cancelled.values_list("pk", flat=True)) == sorted(chosen[:2])
    assert Workflow.objects.get(pk=other.pk).status == Status.SUCCESS


@pytest.mark.once
def test_more_than_a_page_of_the_list_cannot_be_ticked(client, operator, monkeypatch):
    monkeypatch.setattr("django_durable.admin.actions.bulk.MOST_TICKED", 1)
    operator("view_workflow", "cancel_workflow")
    chosen = {"action": "cancel_selected", "_selected_action": several(2)}

    told = client.post(LIST, chosen, follow=True)

    assert "At most 1 can be ticked." in told.text


@pytest.mark.once
def test_a_run_whose_id_another_workflow_has_is_not_begun(client, operator):
    operator("view_workflow", "cancel_workflow")
    (pk,) = several(1)
    fields = confirmation(client)
    (key,) = [signing.loads(fields["selection"], salt=selections.SALT)["key"]]
    queued(workflow_id=f"bulk-{key}")

    told = client.post(RUNS, fields, follow=True)

    assert f"bulk-{key}" in told.text
    assert not Workflow.objects.filter(name=bulk.NAME).exists()
    assert Workflow.objects.get(pk=pk).status == Status.ENQUEUED


def test_a_confirmation_that_is_sent_twice_starts_one_run(client, operator):
    operator("view_workflow", "cancel_workflow")
    several(2)
    fields = confirmation(client)

    first = run_of(client.post(RUNS, fields))
    run_until_idle()
    second = run_of(client.post(RUNS, fields))

    assert first == second
    assert "2 of 2" in client.get(second).text
    run = Workflow.objects.get(name=bulk.NAME)
    assert LogEntry.objects.filter(object_id=run.pk).count() == 1
    assert LogEntry.objects.count() == 3


def test_what_is_created_after_the_question_does_not_belong_to_it(client, operator):
    operator("view_workflow", "cancel_workflow")
    several(2)
    fields = confirmation(client)
    (late,) = several(1)

    client.post(RUNS, fields)
    run_until_idle()

    assert Workflow.objects.get(pk=late).status != Status.CANCELLED


@pytest.mark.parametrize("fault", ["tampered", "expired", "of another", "none"])
def test_a_selection_that_is_not_what_was_shown_is_refused(
    client, operator, monkeypatch, fault
):
    operator("view_workflow", "cancel_workflow")
    several(2)
    fields = confirmation(client)
    if fault == "tampered":
        fields["selection"] = fields["selection"][:-3] + "abc"
    if fault == "expired":
        monkeypatch.setattr(selections, "LASTS_SECONDS", -1)
    if fault == "of another":
        client.force_login(User.objects.create_superuser("eve"))
    if fault == "none":
        del fields["selection"]

    found = client.post(RUNS, fields)

    assert found.status_code == 400
    assert "expired" in found.text
    assert not Workflow.objects.filter(name=bulk.NAME).exists()


def test_a_run_needs_the_permission_of_its_action(client, operator):
    operator("view_workflow")
    several(1)
    chosen = Selection(**choice(User.objects.get(), "cancel"))

    found = client.post(RUNS, {"selection": chosen.signed()})

    assert found.status_code == 403
    assert not Workflow.objects.filter(name=bulk.NAME).exists()


def test_many_have_to_be_confirmed_by_typing(client, operator, monkeypatch):
    monkeypatch.setattr("django_durable.admin.actions.bulk.MOST_UNTYPED", 1)
    operator("view_workflow", "cancel_workflow")
    several(2)
    fields = confirmation(client)

    asked = client.post(RUNS, {**fields, "typed": "cancel 3"})
    started = client.post(RUNS, {**fields, "typed": "cancel 2"})

    assert asked.status_code == 200
    assert "cancel 2" in asked.text
    run_of(started)


def test_a_run_cannot_be_started_from_another_site(client, operator):
    operator("view_workflow", "cancel_workflow")
    several(1)
    fields = confirmation(client)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(username="ana"))

    assert strict.post(RUNS, fields).status_code == 403


def test_an_aborted_run_leaves_the_rest_alone(client, operator, monkeypatch):
    monkeypatch.setattr(runs, "BATCH", 1)
    operator("view_workflow", "cancel_workflow")
    several(3)
    page = run_of(client.post(RUNS, confirmation(client)))
    run = Workflow.objects.get(name=bulk.NAME)

    assert "Abort" in client.get(page).text
    run.cancel()
    run_until_idle()

    left = Workflow.objects.filter(queue_name="many")
    assert not left.filter(status=Status.CANCELLED).exists()
    assert "Abort" not in client.get(page).text


def test_a_run_that_a_worker_would_do_says_nothing_of_workers(client, operator):
    operator("view_workflow", "cancel_workflow")
    several(1)
    page = run_of(client.post(RUNS, confirmation(client)))
    Worker.objects.register(Worker.Kind.WORKER)

    assert "No worker is running" not in client.get(page).text


def test_the_same_is_said_of_resuming_restarting_and_deleting(begin):
    pks = several(2)
    for pk in pks:
        Workflow.objects.cancel_one(pk)

    begin("restart")
    handle = begin("resume", ids=tuple(pks))
    run_until_idle()

    assert handle.get_result()["done"] == 2
    assert Workflow.objects.filter(queue_name="many", status="SUCCESS").count() == 4
    gone = begin("delete")
    run_until_idle()
    assert gone.get_result()["done"] == 4
    assert not Workflow.objects.filter(queue_name="many").exists()


def test_what_is_not_possible_is_told_with_its_reason(begin):
    several(1, run_after=timedelta(days=1))
    workflows.total.using(workflow_id="done", queue_name="many")(1, 2)

    handle = begin("cancel")
    run_until_idle()

    found = handle.get_result()
    assert (found["done"], found["refused"]) == (1, 1)
    assert found["reasons"] == {"done": "It had ended already: success."}


def test_a_run_takes_no_more_than_was_confirmed(begin, monkeypatch):
    monkeypatch.setattr(runs, "BATCH", 2)
    several(5)

    handle = begin("cancel", count=3)
    run_until_idle()

    assert handle.get_result()["done"] == 3


@pytest.mark.parametrize("action", ["cancel", "restart", "resume", "delete"])
def test_a_batch_that_was_interrupted_is_repeated_and_counts_once(
    begin, monkeypatch, action
):
    pks = several(2, run_after=timedelta(days=1))
    if action in ("resume", "delete"):
        Workflow.objects.filter(pk__in=pks).cancel()
    real, calls = bulk.ACTIONS[action], []

    def interrupted(workflow, reason):
        calls.append(workflow.pk)
        if len(calls) == 2:
            raise OSError("The directory of users is gone.")
        real(workflow, reason)

    monkeypatch.setitem(bulk.ACTIONS, action, interrupted)

    with virtual_time() as time:
        handle = begin(action)
        run_until_idle()
        time.advance(5)
        run_until_idle()

    assert calls == [*pks, *pks]
    assert (handle.get_result()["done"], handle.get_result()["refused"]) == (2, 0)
    assert LogEntry.objects.filter(object_id__in=pks).count() == 2
    expected = {"restart": 4, "delete": 0}.get(action, 2)
    assert Workflow.objects.filter(queue_name="many").count() == expected
