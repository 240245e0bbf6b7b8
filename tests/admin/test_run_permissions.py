"""A run does what the person who ordered it may do, as it stands when it is done."""

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.urls import reverse

from django_durable import bulk, clock, failures
from django_durable.bulk import runs
from django_durable.models import Workflow
from django_durable.testing import run_until_idle
from tests.admin.pages import LIST, answer, begun, hidden, page, queued

pytestmark = pytest.mark.django_db

RUNS = reverse("admin:django_durable_bulk")
Status = Workflow.Status


@pytest.fixture
def owner():
    """Return the class whose instance the admin has registered."""
    return type(admin.site.get_model_admin(Workflow))


@pytest.fixture
def ana(operator):
    """Return a user who may cancel workflows, and is logged in."""
    operator("view_workflow", "cancel_workflow")
    return User.objects.get()


def several(*pks):
    return [queued(queue_name="many", workflow_id=pk).pk for pk in pks]


def cancelled():
    rows = Workflow.objects.filter(status=Status.CANCELLED).order_by("pk")
    return list(rows.values_list("pk", flat=True))


def run_page(handle):
    key = handle.workflow_id.removeprefix(bulk.PREFIX)
    return reverse("admin:django_durable_bulk_run", args=[key])


def may_not(*pks):
    """Return what a project says that decides about each workflow."""
    return lambda self, request, obj=None: obj is None or obj.pk not in pks


# Each workflow.


@pytest.mark.once
def test_what_is_ticked_and_not_allowed_is_named_and_left_out(
    client, ana, owner, monkeypatch
):
    several("a", "b", "c", "d")
    monkeypatch.setattr(owner, "has_cancel_permission", may_not("b", "d"))
    chosen = {"action": "cancel_selected", "_selected_action": ["a", "b", "c", "d"]}

    asked = client.post(LIST, chosen)
    client.post(RUNS, hidden(asked.text))
    run_until_idle()

    assert "Cancel 2 workflows" in asked.text
    assert "Left out: b, d. Not allowed." in asked.text
    assert cancelled() == ["a", "c"]


@pytest.mark.parametrize("method", ["has_cancel_permission", "has_view_permission"])
def test_a_run_asks_about_each_and_names_what_it_must_not_touch(
    client, ana, owner, monkeypatch, method
):
    several("a", "b", "c")
    monkeypatch.setattr(owner, method, may_not("b"))

    handle = begun(ana, "cancel")
    run_until_idle()

    found = handle.get_result()
    assert (found["done"], found["reasons"]) == (2, {"b": "Not allowed."})
    assert cancelled() == ["a", "c"]
    assert "Not allowed." in client.get(run_page(handle)).text


def test_what_a_project_hides_does_not_exist_for_a_run(ana, owner, monkeypatch):
    several("a", "b", "c")
    everything = owner.get_queryset
    monkeypatch.setattr(
        owner,
        "get_queryset",
        lambda self, request: (
            everything(self, request).exclude(pk="b")
            if request.user == ana
            else everything(self, request)
        ),
    )

    by_filter = begun(ana, "cancel")
    by_id = begun(ana, "cancel", ids=["b"])
    run_until_idle()

    assert by_filter.get_result()["done"] == 2
    assert by_id.get_result()["done"] == 0
    assert cancelled() == ["a", "c"]


@pytest.mark.once
def test_what_gets_hidden_in_the_middle_of_a_batch_is_refused(ana, owner, monkeypatch):
    several("a")
    everything, asked = owner.get_queryset, []

    def get_queryset(self, request):
        asked.append(request)
        rows = everything(self, request)
        return rows if len(asked) == 1 else rows.none()

    monkeypatch.setattr(owner, "get_queryset", get_queryset)

    handle = begun(ana, "cancel")
    run_until_idle()

    assert handle.get_result()["reasons"] == {"a": "It does not exist any more."}
    assert cancelled() == []


@pytest.mark.once
def test_a_run_is_shown_to_who_ordered_it_and_to_who_sees_it_in_the_list(
    client, ana, owner, monkeypatch
):
    root, ida = (User.objects.create_superuser(name) for name in ("root", "ida"))
    mine, other = begun(ana, "cancel"), begun(root, "cancel")
    everything = owner.get_queryset
    monkeypatch.setattr(
        owner,
        "get_queryset",
        lambda self, request: (
            everything(self, request).none()
            if request.user == ana
            else everything(self, request)
        ),
    )

    def seen(handle):
        address = run_page(handle)
        pages = (address, f"{address}api/", f"{address}abort/")
        listed = address in client.get(RUNS).text
        return listed, {client.get(each).status_code for each in pages}

    by_ana = [seen(mine), seen(other)]
    client.force_login(ida)
    by_ida = [seen(mine), seen(other)]

    assert by_ana == [(True, {200}), (False, {404})]
    assert by_ida == [(True, {200}), (True, {200})]


# The person.


def forbid(ana):
    ana.user_permissions.remove(Permission.objects.get(codename="cancel_workflow"))


def blind(ana):
    ana.user_permissions.remove(Permission.objects.get(codename="view_workflow"))


def dismiss(ana):
    User.objects.filter(pk=ana.pk).update(is_active=False)


def demote(ana):
    User.objects.filter(pk=ana.pk).update(is_staff=False)


def forget(ana):
    LogEntry.objects.all().delete()
    ana.delete()


@pytest.mark.once
@pytest.mark.parametrize(
    ("change", "why"),
    [
        (forbid, "ana is no longer allowed to do it: cancel."),
        (blind, "ana is no longer allowed to do it: cancel."),
        (dismiss, "ana may no longer work in the admin."),
        (demote, "ana may no longer work in the admin."),
        (forget, "ana may no longer work in the admin."),
    ],
)
def test_a_run_stops_with_a_reason_when_the_person_may_not_go_on(
    client, ana, monkeypatch, change, why
):
    monkeypatch.setattr(runs, "BATCH", 1)
    several("a", "b", "c")
    real, pk = runs.choose, ana.pk

    def choose(order, after, limit):
        if after is not None:  # The first batch is done.
            change(User(pk=pk))
        return real(order, after, limit)

    monkeypatch.setattr(runs, "choose", choose)

    handle = begun(ana, "cancel")
    run_until_idle()

    client.force_login(User.objects.create_superuser("root"))
    text = client.get(run_page(handle)).text
    assert cancelled() == ["a"]
    assert Workflow.objects.get(pk=handle.workflow_id).status == Status.ERROR
    assert why in text
    assert "1 of 1000" in text


@pytest.mark.once
def test_a_run_of_a_site_that_nobody_knows_touches_nothing(client, ana):
    several("a")

    handle = begun(ana, "cancel", site="elsewhere")
    run_until_idle()

    assert "knows no admin site “elsewhere”" in client.get(run_page(handle)).text
    assert cancelled() == []


# Errors, that not everybody may search.


@pytest.fixture
def failed():
    """Return the parameters of a list of what failed, with a word of its error."""
    text = failures.dump_exception(ValueError("secret"))
    row = queued(queue_name="many", workflow_id="failed")
    changes = {"status": Status.ERROR, "completed_at": clock.now(), "error": text}
    Workflow.objects.filter(pk=row.pk).update(**changes)
    return {"q": "error:secret", "window": "all"}


def test_counts_of_a_selection_tell_nothing_of_errors_that_are_not_shown(
    client, ana, operator, failed
):
    chosen = {
        "action": "cancel_selected",
        "select_across": "1",
        "_selected_action": "failed",
    }
    address = f"{LIST}?q=error:secret&window=all"

    blind = client.post(address, chosen, follow=True)
    operator("view_workflow_data")
    seeing = client.post(address, chosen)

    assert "Cancel 1 workflows" not in blind.text
    assert "Cancel 1 workflows" in seeing.text


def test_a_run_that_searches_in_errors_needs_the_permission_to_see_them(
    client, ana, operator, failed
):
    operator("delete_workflow")

    blind = begun(ana, "delete", params=failed)
    run_until_idle()
    text, is_there = client.get(run_page(blind)).text, exists("failed")
    operator("view_workflow_data")
    seeing = begun(User.objects.get(), "delete", params=failed)
    run_until_idle()

    assert "ana is no longer allowed to search in errors." in text
    assert is_there
    assert seeing.get_result()["done"] == 1
    assert not exists("failed")


def exists(pk):
    return Workflow.objects.filter(pk=pk).exists()


# Runs themselves.


@pytest.mark.once
@pytest.mark.parametrize("action", ["restart", "fork"])
def test_a_run_is_not_copied_and_the_way_out_is_told(client, ana, operator, action):
    operator("fork_workflow")
    run = begun(ana, "cancel").workflow_id

    shown = client.get(page(run)).text
    told = client.post(page(run, action), answer(step=1), follow=True)

    assert f'href="{page(run, action)}' not in shown
    assert "order it anew" in told.text
    assert not Workflow.objects.filter(forked_from=run).exists()


@pytest.mark.parametrize("from_step", [1, 2])
def test_a_copy_of_a_run_does_nothing_and_says_why(ana, from_step):
    run = begun(ana, "cancel").workflow_id
    run_until_idle()
    several("late")
    Workflow.objects.get(pk=run).fork(from_step)

    run_until_idle()

    copy = Workflow.objects.get(forked_from=run)
    assert copy.status == Status.ERROR
    assert "order it anew" in copy.error
    assert Workflow.objects.get(pk="late").status == Status.SUCCESS
    assert cancelled() == []


@pytest.mark.once
def test_a_run_goes_on_for_those_who_are_allowed_what_it_does(client, operator):
    operator("view_workflow", "resume_workflow")
    root = User.objects.create_superuser("root")
    several("a")
    run = Workflow.objects.get(pk=begun(root, "cancel").workflow_id)
    run.cancel()

    refused = client.post(page(run, "resume"), answer(), follow=True)
    status = Workflow.objects.get(pk=run.pk).status
    operator("cancel_workflow")
    client.post(page(run, "resume"), answer())
    run_until_idle()

    assert "must be allowed what it does: cancel." in refused.text
    assert status == Status.CANCELLED
    assert cancelled() == ["a"]


@pytest.mark.once
def test_runs_cannot_be_let_go_on_by_another_run(operator):
    operator("view_workflow", "resume_workflow")
    root, ana = User.objects.create_superuser("root"), User.objects.get(username="ana")
    several("a")
    run = Workflow.objects.get(pk=begun(root, "cancel").workflow_id)
    run.cancel()

    handle = begun(ana, "resume", ids=[run.pk])
    run_until_idle()

    assert "allowed what it does" in handle.get_result()["reasons"][run.pk]
    assert cancelled() == [run.pk]
