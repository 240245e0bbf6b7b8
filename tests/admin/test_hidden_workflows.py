"""What a project's ``get_queryset()`` hides is on no page, nor is its id."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from django_durable import clock
from django_durable.admin import DurableWorkflowAdmin
from django_durable.models import Tick, Wait, Worker, Workflow
from example_project.orders.models import Order
from tests.admin.everywhere import NEVER, NEVER_OF_A_WORKER, addresses, everything_there
from tests.admin.rows import add, register
from tests.admin.schedules import NAME

pytestmark = pytest.mark.django_db

Status = Workflow.Status
LOST = "json:" + '{"type":"m:Lost","message":"hush","notes":[]}'
# Where some of what is hidden below would be seen otherwise.
SHOWING = {"change", "export", "changelist", "export_csv", "export_json", "dashboard"}
SHOWING |= {"api_rows", "api_live", "approvals", "worker_changelist", "worker_change"}
SHOWING |= {"api_workers", "inline", "schedules", "schedule"}


def hide(monkeypatch):
    """Hide what is called so, as a project does in a subclass."""
    everything = DurableWorkflowAdmin.get_queryset

    def narrowed(self, request):
        return everything(self, request).exclude(pk__startswith="veiled")

    monkeypatch.setattr(DurableWorkflowAdmin, "get_queryset", narrowed)


def family(workflow, asking, worker):
    """Make a relative of every kind, all hidden, and what else could be told."""
    order = Order.objects.create(customer="Ana")
    about = {"summary": "hush", "subject_type": "orders.order", "subject_id": order.pk}
    for kind in ("parent", "origin", "awaited"):
        add(f"veiled-{kind}", Status.SUCCESS, **about)
    add("veiled-child", Status.SUCCESS, parent_id=workflow.pk, **about)
    add("veiled-fork", Status.SUCCESS, forked_from_id=workflow.pk, **about)
    add("veiled-failed", Status.ERROR, error=LOST, **about)
    ticked = add("veiled-tick", Status.SUCCESS, **about)
    at = ticked.created_at
    Tick.objects.create(
        schedule_id=NAME, scheduled_at=at, created_at=at, workflow=ticked
    )
    add("veiled-held", Status.PENDING, worker=worker, ago=600, **about)
    asks = add("veiled-asks", Status.WAITING, **about)
    place = {"branch": "", "kind": "message", "key": "verdict", "is_human": True}
    Wait.objects.create(
        workflow=asks, step_id=1, target="a", awaited_id=asks.pk, **place
    )
    Workflow.objects.filter(pk=workflow.pk).update(
        parent="veiled-parent", forked_from="veiled-origin"
    )
    workflow.steps.filter(step_id=1).update(child_id="veiled-child")
    waiting = add("waits", Status.WAITING)
    Wait.objects.create(
        workflow=waiting,
        branch="",
        step_id=1,
        kind="event",
        key="done",
        target="b",
        awaited_id="veiled-awaited",
        wake_at=clock.now() + timedelta(hours=1),
    )
    return order


@pytest.fixture
def pages():
    """Return the addresses of all pages about workflows that may be seen."""
    workflow, there = everything_there()
    worker = Worker.objects.get(pk=there.worker)
    order = family(workflow, there.asking, worker)
    found = {name: at for name, (at, _) in addresses(workflow.pk, there).items()}
    for name in (*NEVER, *NEVER_OF_A_WORKER):
        del found[name]
    found["dashboard"] = reverse("admin:app_list", args=["django_durable"])
    found["inline"] = reverse("admin:orders_order_change", args=[order.pk])
    found["waits"] = reverse("admin:django_durable_workflow_change", args=["waits"])
    found["waits_export"] = found["export"].replace("order-1", "waits")
    for name in ("changelist", "export_csv", "export_json"):
        found[name] += "?window=all&level=all"
    found["api_rows"] += "?ids=waits%0Aveiled-failed%0Aveiled-parent"
    found["api_live"] = found["api_live"].replace(there.asking, "veiled-failed")
    found["api_workers"] += f"?ids={there.worker}"
    return found


def telling(client, pages):
    """Return the names of the pages that tell anything of what is to be hidden."""
    found = set()
    for name, address in pages.items():
        response = client.get(address)
        text = b"".join(response).decode()
        assert response.status_code == 200, name
        if "veiled" in text or "hush" in text:
            found.add(name)
    return found


def test_what_the_admin_hides_stands_on_no_page(client, pages, monkeypatch):
    client.force_login(User.objects.create_superuser("root"))

    before = telling(client, pages)
    hide(monkeypatch)

    assert before >= SHOWING | {"waits", "waits_export"}
    assert telling(client, pages) == set()


@pytest.mark.once
def test_what_one_may_not_see_is_not_told_by_its_relatives(client, pages, monkeypatch):
    client.force_login(User.objects.create_superuser("root"))
    refused = lambda self, request, obj=None: (  # noqa: E731
        obj is None or not obj.pk.startswith("veiled")
    )
    monkeypatch.setattr(DurableWorkflowAdmin, "has_view_permission", refused)
    # Lists and files go by get_queryset(), as Django's lists do.
    lists = {"changelist", "export_csv", "export_json", "api_rows"}
    lists |= {"export", "waits_export"}

    assert telling(client, pages) <= lists


@pytest.mark.once
def test_what_a_worker_holds_is_named_to_those_who_may_see_it(client, operator):
    operator("view_worker")
    worker = register()
    add("held-one", Status.PENDING, worker=worker)
    add("held-two", Status.PENDING, worker=worker)
    names = ("worker_changelist", "api_workers", "worker_change")
    lists = [reverse(f"admin:django_durable_{name}") for name in names[:2]]
    one = reverse("admin:django_durable_worker_change", args=[worker.pk])
    places = [lists[0], f"{lists[1]}?ids={worker.pk}", one]

    for place in places:
        assert "held-" not in client.get(place).text, place
    row = client.get(places[1]).json()["rows"][str(worker.pk)]
    operator("view_workflow")

    assert row["current"] == "2"
    for place in places:
        assert "held-" in client.get(place).text, place
