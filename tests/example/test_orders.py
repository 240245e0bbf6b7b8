"""The example shop: what its pages promise, and what fulfilling an order does."""

from decimal import Decimal

import pytest
from django.db import transaction

import django_durable as durable
from django_durable.models import Workflow
from example_project.orders import views
from example_project.orders.models import Order, OrderItem, ServiceCall
from example_project.orders.progress import progress_of
from example_project.orders.workflows import fulfil_order

pytestmark = pytest.mark.django_db

BASKET = {"kettle": 1, "tea": 2}


def place(client, **changes):
    form = {"customer": "Ada", "payment": "good", **BASKET, **changes}
    return client.post("/orders/", form)


def fulfilled(**fields):
    """Return an order whose workflow has run to its end, and the outcome."""
    order = Order.objects.create(customer="Ada", **fields)
    # A choice becomes the plain text that a workflow's arguments may be.
    order.refresh_from_db()
    with durable.SetWorkflowID(order.workflow_id):
        outcome = fulfil_order(order.pk, order.customer, order.payment, BASKET)
    order.refresh_from_db()
    return order, outcome


def requests(service):
    calls = ServiceCall.objects.filter(service=service)
    return [call.request.split()[0] for call in calls]


def test_placing_an_order_starts_its_workflow_and_leads_to_its_page(client):
    response = place(client)

    order = Order.objects.get()
    workflow = Workflow.objects.for_subject(order).get()
    assert response.status_code == 302
    assert response.url == f"/orders/{order.pk}/"
    assert workflow.pk == f"order-{order.pk}"
    assert workflow.status == Workflow.Status.ENQUEUED


def test_an_order_that_is_rolled_back_leaves_no_workflow(client):
    with transaction.atomic():
        response = place(client)
        transaction.set_rollback(True)

    assert response.status_code == 302
    assert not Order.objects.exists()
    assert not Workflow.objects.exists()


def test_an_order_is_not_stored_when_its_workflow_cannot_be_started(
    client, monkeypatch
):
    class Refusing:
        def using(self, **options):
            raise durable.WorkflowConflict("order-1", "one", "another")

    monkeypatch.setattr(views, "fulfil_order", Refusing())

    with pytest.raises(durable.WorkflowConflict):
        place(client)

    assert not Order.objects.exists()


def test_an_empty_basket_is_refused(client):
    response = place(client, kettle=0, tea=0)

    assert response.status_code == 400
    assert "The basket is empty." in response.content.decode()
    assert not Order.objects.exists()


def test_a_script_gets_its_errors_as_json(client):
    response = client.post(
        "/orders/", {"customer": ""}, headers={"accept": "application/json"}
    )

    assert response.status_code == 400
    assert "customer" in response.json()["errors"]


def test_an_order_is_fulfilled_from_the_basket_to_the_parcel():
    order, outcome = fulfilled()

    assert outcome["status"] == "completed"
    assert outcome["tracking"] == order.tracking
    assert order.status == Order.Status.SHIPPED
    assert order.total == Decimal("104.80")
    assert OrderItem.objects.filter(order=order).count() == 2
    assert requests("inventory") == ["reserve"]
    assert requests("payment") == ["charge"]
    assert requests("shipping") == ["ship"]
    assert requests("notification") == ["tell"]


def test_starting_a_fulfilled_order_again_repeats_nothing():
    order, outcome = fulfilled()

    with durable.SetWorkflowID(order.workflow_id):
        again = fulfil_order(order.pk, order.customer, order.payment, BASKET)

    assert again == outcome
    assert ServiceCall.objects.count() == 4


def test_a_refused_card_gives_the_goods_back_and_is_an_outcome_not_an_error():
    order, outcome = fulfilled(payment=Order.Payment.REFUSED)

    assert outcome["status"] == "failed"
    assert "refused" in outcome["reason"]
    assert order.status == Order.Status.PAYMENT_FAILED
    assert requests("inventory") == ["reserve", "release"]
    assert requests("shipping") == []
    assert progress_of(order).workflow.status == Workflow.Status.SUCCESS


def test_the_page_of_a_waiting_order_looks_again_by_itself(client):
    place(client)

    page = client.get(Order.objects.get().get_absolute_url()).content.decode()

    assert '<meta http-equiv="refresh"' in page
    assert "waiting for a worker" in page


def test_the_page_of_a_fulfilled_order_shows_its_steps_and_stays(client):
    order, _ = fulfilled()

    page = client.get(order.get_absolute_url()).content.decode()

    assert "charge_customer" in page
    assert order.tracking in page
    assert "http-equiv" not in page


def test_a_script_reads_the_same_progress_as_json(client):
    order, _ = fulfilled()

    headers = {"accept": "application/json"}
    progress = client.get(order.get_absolute_url(), headers=headers).json()

    assert progress["status"] == "shipped"
    assert progress["workflow"] == {"id": order.workflow_id, "status": "SUCCESS"}
    assert [step["number"] for step in progress["steps"]] == list(range(1, 9))
    assert all(call["answer"] for call in progress["calls"])


def test_the_calls_of_another_order_are_not_shown():
    first, _ = fulfilled()
    Order.objects.bulk_create([Order(pk=first.pk * 10 + 1, customer="Grace")])

    assert progress_of(Order.objects.get(customer="Grace")).calls == []


def test_the_home_page_lists_the_orders(client):
    fulfilled()

    page = client.get("/").content.decode()

    assert "Order tea" in page
    assert "shipped" in page
