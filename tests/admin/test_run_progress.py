"""What a run has done, what the history says and what it shows are the same."""

from functools import partial

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.urls import reverse

from django_durable import bulk
from django_durable.bulk import runs
from django_durable.models import Workflow
from django_durable.testing import crash_everywhere, run_until_idle
from tests.admin.pages import answer, begun, page, queued
from tests.interleaving import Elsewhere
from tests.models import Receipt

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("root")]

Status = Workflow.Status


def several(*pks):
    """Make workflows that nobody executes."""
    made = [queued(queue_name="many", workflow_id=pk).pk for pk in pks]
    Workflow.objects.filter(pk__in=made).update(name="gone")
    return made


def history():
    """Return the workflows that have a line in it."""
    return sorted(LogEntry.objects.values_list("object_id", flat=True))


def shown(client, handle):
    key = handle.workflow_id.removeprefix(bulk.PREFIX)
    return client.get(reverse("admin:django_durable_bulk_run", args=[key])).text


def abort_after_the_first_batch(monkeypatch):
    real, aborted = runs.choose, []

    def choose(order, after, limit):
        if after is not None and not aborted:
            aborted.append(bulk.PREFIX + order["selection"]["key"])
            Workflow.objects.cancel_one(aborted[0])
        return real(order, after, limit)

    monkeypatch.setattr(runs, "choose", choose)


@pytest.mark.parametrize("action", ["restart", "cancel"])
def test_an_aborted_run_shows_what_it_did_and_resumed_it_does_the_rest(
    client, root, monkeypatch, action
):
    monkeypatch.setattr(runs, "BATCH", 2)
    several("a", "b", "c")
    abort_after_the_first_batch(monkeypatch)
    handle = begun(root, action)

    run_until_idle()
    before, text = history(), shown(client, handle)
    Workflow.objects.resume_one(handle.workflow_id)
    run_until_idle()

    assert before == ["a", "b"]
    assert "2 of 1000" in text
    assert history() == ["a", "b", "c"]
    assert handle.get_result()["done"] == 3
    copies = Workflow.objects.filter(forked_from__in=["a", "b", "c"])
    assert copies.count() == (3 if action == "restart" else 0)


def test_what_somebody_does_after_an_abort_is_not_undone(root, monkeypatch):
    monkeypatch.setattr(runs, "BATCH", 2)
    several("a", "b", "c")
    abort_after_the_first_batch(monkeypatch)
    handle = begun(root, "cancel")
    run_until_idle()

    Workflow.objects.resume_one("a")
    Workflow.objects.resume_one(handle.workflow_id)
    run_until_idle()

    assert Workflow.objects.get(pk="a").status == Status.ENQUEUED
    assert Workflow.objects.get(pk="c").status == Status.CANCELLED


@pytest.mark.once
def test_a_crash_anywhere_does_nothing_twice(root):
    def run():
        (pk,) = several("a")
        handle = begun(root, "restart", key="0190163d-8694-739b-aea5-966c26f8ad91")
        run_until_idle()
        copies = Workflow.objects.filter(forked_from=pk)
        return handle.get_result(), history(), copies.count()

    assert crash_everywhere(run) > 6


def test_a_batch_is_done_with_its_line_in_the_history_or_not_at_all(root, monkeypatch):
    several("a", "b")
    real = runs.ACTIONS["cancel"]

    def cancel(workflow, reason):
        real(workflow, reason)
        if workflow.pk == "b":
            raise OSError("The worker is gone.")

    monkeypatch.setitem(runs.ACTIONS, "cancel", cancel)
    begun(root, "cancel")

    run_until_idle()

    assert not Workflow.objects.filter(status=Status.CANCELLED).exists()
    assert history() == []


def test_a_family_counts_as_done_whoever_takes_it_along(root):
    (parent,) = several("parent")
    several("q")
    Workflow.objects.filter(pk="q").update(parent=parent)

    cancelled = begun(root, "cancel")
    run_until_idle()
    resumed = begun(root, "resume")
    run_until_idle()
    Workflow.objects.filter(pk=parent).cancel()
    deleted = begun(root, "delete")
    run_until_idle()

    for handle in (cancelled, resumed, deleted):
        assert (handle.get_result()["done"], handle.get_result()["refused"]) == (2, 0)


def test_what_another_app_holds_is_refused_and_holds_up_nothing(client, root):
    pks = several("a", "b")
    Workflow.objects.filter(pk__in=pks).cancel()
    receipt = Receipt.objects.create(workflow_id="a")

    handle = begun(root, "delete")
    run_until_idle()
    told = client.post(page("a", "delete"), answer(), follow=True)

    assert handle.get_result()["done"] == 1
    assert "tests.Receipt" in handle.get_result()["reasons"]["a"]
    assert "tests.Receipt" in told.text
    assert not Workflow.objects.filter(pk="b").exists()
    receipt.delete()


@pytest.mark.django_db(transaction=True)
def test_a_run_that_is_aborted_within_a_batch_has_done_what_it_shows(
    client, root, monkeypatch
):
    several("a", "b")
    handle, aborts = begun(root, "cancel"), []
    real = runs.ACTIONS["cancel"]

    def cancel(workflow, reason):
        real(workflow, reason)
        if not aborts:
            abort = partial(Workflow.objects.cancel_one, handle.workflow_id)
            aborts.append(Elsewhere(abort))
            aborts[0].let_run()

    monkeypatch.setitem(runs.ACTIONS, "cancel", cancel)

    run_until_idle()

    # SQLite has one writer at a time, and lets the abort wait, perhaps to the end.
    took = aborts[0].result()
    assert took or not connection.features.has_select_for_update
    ended = Status.CANCELLED if took else Status.SUCCESS
    assert Workflow.objects.get(pk=handle.workflow_id).status == ended
    done = Workflow.objects.filter(name="gone", status=Status.CANCELLED)
    assert sorted(done.values_list("pk", flat=True)) == history()
    assert f"{len(history())} of 1000" in shown(client, handle)
