"""python_notifications, complete example: an order fulfilment system."""

from decimal import Decimal

import pytest

import django_durable as durable
from django_durable.models import Notification, Workflow
from django_durable.testing import fail_step, run_until_idle, virtual_time
from example_project.orders.models import Order, OrderItem
from tests.seeds import python_notifications_orders as programs
from tests.workflows import calls

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("tests.seeds.python_notifications_orders"),
]

ORDER = {
    "order_id": 7,
    "customer_id": "ada",
    "items": [{"product_id": "kettle", "quantity": 1}],
    "total_amount": "79.00",
}


@pytest.fixture
def post(client):
    """Return a function that posts JSON as an outside service does."""

    def post(url, data, key="key"):
        return client.post(
            url,
            data,
            content_type="application/json",
            headers={"Idempotency-Key": key},
        )

    return post


@pytest.fixture
def order(post):
    """The workflow of an order that was posted, and waits for the fraud check."""
    response = post("/orders/", ORDER)
    run_until_idle()
    assert response.status_code == 202
    return durable.retrieve_workflow(response.json()["workflow_id"])


def check_for_fraud(post, *, approved=True, key="check-1"):
    verdict = {"approved": approved, "risk_score": 0.1}
    return post("/orders/7/fraud-check/", verdict, key)


def report_delivery(post, *, delivered=True, key="parcel-1"):
    report = {"delivered": delivered, "timestamp": "2030-01-01T12:00"}
    return post("/orders/7/delivery/", report, key)


def statuses():
    return [call[1] for call in calls if call[0] == "status"]


def test_an_order_waits_for_its_fraud_check(order):
    assert order.get_status() == "WAITING"
    assert order.workflow_id == "order-7"
    assert Order.objects.get(pk=7).status == "inventory_reserved"
    assert OrderItem.objects.get().quantity == 1


def test_an_order_is_fulfilled_from_its_creation_to_the_door(order, post):
    assert check_for_fraud(post).status_code == 204
    run_until_idle()
    assert Order.objects.get(pk=7).status == "shipped"
    assert report_delivery(post).status_code == 204
    run_until_idle()

    assert order.get_result() == {
        "status": "completed",
        "order_id": 7,
        "reservation_id": "reservation of 1",
        "transaction_id": "ada pays 79.00",
        "tracking_id": "parcel 7",
    }
    assert ("charge", "ada", Decimal("79.00")) in calls
    assert Order.objects.get(pk=7).status == "delivered"
    assert calls[-1] == ("mail", "ada", "Your order 7 has been delivered!")
    assert statuses() == [
        "created",
        "inventory_reserved",
        "paid",
        "shipped",
        "delivered",
    ]


def test_an_order_that_is_posted_twice_is_fulfilled_once(order, post):
    again = post("/orders/", ORDER)
    run_until_idle()

    assert again.json() == {"order_id": 7, "workflow_id": "order-7"}
    assert Workflow.objects.count() == Order.objects.count() == 1


def test_a_repeated_webhook_is_heard_once(order, post):
    for _ in range(3):
        check_for_fraud(post, key="check-1")
    run_until_idle()
    for _ in range(3):
        report_delivery(post, key="parcel-1")
    run_until_idle()

    assert order.get_result()["status"] == "completed"
    messages = Notification.objects.filter(destination_id=order.workflow_id)
    assert sorted(message.topic for message in messages) == [
        "delivery_confirmed",
        "fraud_check",
    ]


def test_a_suspicious_order_is_cancelled_and_not_charged(order, post):
    check_for_fraud(post, approved=False)
    run_until_idle()

    assert order.get_result() == {
        "status": "cancelled",
        "reason": "fraud_check_failed",
        "order_id": 7,
    }
    assert Order.objects.get(pk=7).status == "cancelled_fraud"
    assert "charge" not in [call[0] for call in calls]


def test_a_declined_payment_is_an_outcome_with_its_reason(order, post):
    check_for_fraud(post)
    with fail_step("charge_customer", programs.PaymentDeclined("no cover")):
        run_until_idle()

    assert order.get_result() == {
        "status": "failed",
        "reason": "payment_error",
        "error": "no cover",
        "order_id": 7,
    }
    assert Order.objects.get(pk=7).status == "payment_failed"
    assert "ship" not in [call[0] for call in calls]


def test_a_lost_parcel_is_noted(order, post):
    check_for_fraud(post)
    report_delivery(post, delivered=False)
    run_until_idle()

    assert order.get_result()["status"] == "completed"
    assert Order.objects.get(pk=7).status == "delivery_failed"


def test_the_carriers_word_may_come_before_anybody_waits_for_it(order, post):
    report_delivery(post)
    run_until_idle()
    assert Order.objects.get(pk=7).status == "inventory_reserved"

    check_for_fraud(post)
    run_until_idle()

    assert Order.objects.get(pk=7).status == "delivered"


def test_a_fraud_check_that_does_not_come_ends_the_workflow_with_the_timeout(post):
    with virtual_time() as time:
        handle = durable.retrieve_workflow(
            post("/orders/", ORDER).json()["workflow_id"]
        )
        time.run_for(minutes=5)

    with pytest.raises(durable.WaitTimeout):
        handle.get_result()
    assert Order.objects.get(pk=7).status == "inventory_reserved"


def test_a_webhook_for_an_unknown_order_answers_not_found(post):
    assert check_for_fraud(post).status_code == 404
