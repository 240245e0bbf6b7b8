"""What ended long ago is counted, asked about, and deleted as a bulk action."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from django_durable.models import Workflow
from django_durable.testing import run_until_idle
from tests.admin.pages import LIST, hidden
from tests.admin.test_figures import add, asks

pytestmark = pytest.mark.django_db

PRUNE = reverse("admin:django_durable_workflow_prune")
RUNS = reverse("admin:django_durable_bulk")
Status = Workflow.Status
DAY = 86_400


@pytest.fixture
def old():
    """Have some that ended at several times, and one that has not."""
    add("old", Status.SUCCESS, ago=40 * DAY)
    add("failed", Status.ERROR, ago=40 * DAY)
    add("dead", Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED, ago=40 * DAY)
    add("young", Status.SUCCESS, ago=2 * DAY)
    add("waiting", Status.WAITING, ago=40 * DAY)


def test_what_is_old_is_counted_confirmed_and_deleted(client, operator, old):
    operator("view_workflow", "delete_workflow")
    form = client.get(PRUNE)
    chosen = {"days": 30, "statuses": form.context["form"].initial["statuses"]}

    asked = client.get(PRUNE, chosen)
    assert asked.context["question"].counts == {"SUCCESS": 1, "ERROR": 1}
    assert Workflow.objects.count() == 5
    told = client.post(RUNS, {**hidden(asked.text), "reason": "space"}, follow=True)
    run_until_idle()

    left = Workflow.objects.filter(parent=None, pk__in=["old", "failed", "young"])
    assert list(left.values_list("pk", flat=True)) == ["young"]
    assert Workflow.objects.filter(pk__in=["dead", "waiting"]).count() == 2
    assert "0 of 2" in told.text
    assert "2 of 2" in client.get(told.request["PATH_INFO"]).text
    messages = LogEntry.objects.values_list("change_message", flat=True)
    assert any("space" in text for text in messages)


def test_counting_writes_nothing(client, operator, old):
    operator("view_workflow", "delete_workflow")

    with CaptureQueriesContext(connection) as executed:
        client.get(PRUNE, {"days": 1, "statuses": ["SUCCESS"]})

    verbs = {each["sql"].lstrip("( ").split(maxsplit=1)[0] for each in executed}
    assert verbs <= {"SELECT", "SAVEPOINT", "RELEASE"}


def test_what_an_active_workflow_may_ask_for_stays(client, operator):
    operator("view_workflow", "delete_workflow")
    asks.using(workflow_id="parent").start()
    run_until_idle()
    add("child", Status.SUCCESS, ago=40 * DAY, parent_id="parent")

    asked = client.get(PRUNE, {"days": 30, "statuses": ["SUCCESS"]})
    page = client.post(RUNS, hidden(asked.text) | {"reason": ""})["Location"]
    run_until_idle()

    assert Workflow.objects.filter(pk="child").exists()
    assert "may ask for its result" in client.get(page).text


@pytest.mark.once
def test_nonsense_is_asked_again_and_none_is_said(client, operator, old):
    operator("view_workflow", "delete_workflow")
    bad = [
        {"days": "x", "statuses": ["SUCCESS"]},
        {"days": 10**9, "statuses": ["SUCCESS"]},
        {"days": 1, "statuses": ["PENDING"]},
        {"days": 1},
    ]

    for chosen in bad:
        assert client.get(PRUNE, chosen).context["form"].errors, chosen
    none = client.get(PRUNE, {"days": 400, "statuses": ["SUCCESS"]})
    assert "none that ended so long ago" in none.text


@pytest.mark.once
def test_the_retention_of_the_workers_is_proposed(client, operator, settings):
    operator("view_workflow", "delete_workflow")
    settings.DURABLE = {"RETENTION": {"SUCCESS": timedelta(days=7)}}

    assert client.get(PRUNE).context["form"].initial == {
        "days": 7,
        "statuses": ["SUCCESS"],
    }


@pytest.mark.once
def test_only_who_may_delete_finds_the_page(client, operator):
    operator("view_workflow")
    assert client.get(PRUNE).status_code == 403
    assert PRUNE not in client.get(LIST).text
    operator("delete_workflow")

    assert PRUNE in client.get(LIST).text
