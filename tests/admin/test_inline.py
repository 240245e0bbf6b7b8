"""The workflows of an object on the page of another ModelAdmin."""

import pytest
from django.core import checks
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from django_durable.models import Workflow
from example_project.orders.models import Order
from tests.admin.pages import LIST, page, queued

pytestmark = [pytest.mark.django_db, pytest.mark.once]

ITEMS = {"items-TOTAL_FORMS": "0", "items-INITIAL_FORMS": "0"}


@pytest.fixture
def order():
    return Order.objects.create(customer="Ana")


def order_page(order):
    return reverse("admin:orders_order_change", args=[order.pk])


def test_the_workflows_of_an_object_stand_on_its_page(client, operator, order):
    operator("view_order", "view_workflow")
    mine = queued(subject=order)
    other = queued(subject=Order.objects.create(customer="Ben"))

    text = client.get(order_page(order)).text

    assert page(mine) in text
    assert page(other) not in text


def test_many_are_listed_up_to_a_limit_in_one_statement(client, operator, order):
    operator("view_order", "view_workflow")
    for _ in range(22):
        queued(subject=order)

    with CaptureQueriesContext(connection) as executed:
        text = client.get(order_page(order)).text
    statements = sum("django_durable_workflow" in q["sql"] for q in executed)
    link = f"{LIST}?window=all&amp;level=all&amp;subject=orders.order:{order.pk}"
    listed = client.get(LIST, {"subject": f"orders.order:{order.pk}"})

    assert text.count("/change/") == 20
    assert link in text
    assert statements == 1
    assert listed.context["cl"].result_count == 22


def test_without_permission_there_is_nothing_of_workflows(client, operator, order):
    operator("view_order")
    mine = queued(subject=order)

    assert mine.pk not in client.get(order_page(order)).text


def test_the_object_can_be_saved_beside_its_workflows(client, operator, order):
    operator("view_order", "change_order", "view_workflow")
    queued(subject=order)
    shown = client.get(order_page(order)).context["adminform"].form.initial
    fields = {name: value for name, value in shown.items() if value is not None}
    when = {
        f"{name}_{part}": f"{value:{form}}"
        for name, value in fields.items()
        if hasattr(value, "hour")
        for part, form in ((0, "%Y-%m-%d"), (1, "%H:%M:%S"))
    }

    done = client.post(
        order_page(order), {**fields, **when, **ITEMS, "customer": "Eve"}
    )

    assert done.status_code == 302
    order.refresh_from_db()
    assert order.customer == "Eve"
    assert Workflow.objects.get().status == Workflow.Status.ENQUEUED


def test_an_object_that_is_being_added_has_none(client, operator):
    operator("add_order", "view_order", "view_workflow")

    assert client.get(reverse("admin:orders_order_add")).status_code == 200


def test_the_checks_of_the_admin_take_it():
    assert checks.run_checks(tags=["admin"]) == []
