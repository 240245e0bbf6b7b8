"""What becomes of an order: its messages, its time-outs, its outcomes."""

from decimal import Decimal

import pytest

from django_durable.models import Notification, Workflow
from example_project.orders import services
from example_project.orders.models import Order, OrderItem, ServiceCall

pytestmark = pytest.mark.django_db


def requests(service):
    calls = ServiceCall.objects.filter(service=service)
    return [call.request.split()[0] for call in calls]


def told(customer="Ada"):
    calls = ServiceCall.objects.filter(service="notification")
    return [call.request.removeprefix(f"tell {customer}: ") for call in calls]


def test_an_order_goes_from_the_basket_to_the_door(shop):
    order = shop.fulfil()

    outcome = shop.handle.get_result()
    assert outcome["status"] == "completed"
    assert outcome["delivery"] == "delivered"
    assert outcome["tracking"] == order.tracking
    assert order.status == Order.Status.DELIVERED
    assert order.total == Decimal("104.80")
    assert OrderItem.objects.filter(order=order).count() == 2
    assert requests("inventory") == ["reserve"]
    assert requests("fraud check") == ["check"]
    assert requests("payment") == ["charge"]
    assert requests("shipping") == ["ship"]
    assert len(told()) == 2


def test_nothing_is_charged_before_the_verdict(shop):
    order = shop.place()

    shop.durable.run_for(minutes=4)

    assert shop.handle.get_status() == "WAITING"
    assert shop.seen(order).status == Order.Status.RESERVED
    assert requests("payment") == []


def test_a_suspicious_order_is_cancelled_and_gives_its_goods_back(shop):
    order = shop.judge(shop.place(), approved=False)

    assert shop.handle.get_result() == {
        "status": "cancelled",
        "order_id": order.pk,
        "reason": "the fraud check failed",
    }
    assert order.status == Order.Status.CANCELLED
    assert requests("inventory") == ["reserve", "release"]
    assert requests("payment") == []
    assert told() == ["Your order is cancelled: the fraud check failed."]


def test_an_order_without_a_verdict_is_cancelled_after_five_minutes(shop):
    order = shop.place()

    shop.durable.run_for(minutes=5)

    order.refresh_from_db()
    assert shop.handle.get_result()["reason"] == "the fraud check did not answer"
    assert order.status == Order.Status.CANCELLED
    assert requests("inventory") == ["reserve", "release"]


def test_a_verdict_that_comes_too_late_is_kept_and_changes_nothing(shop):
    order = shop.place()
    shop.durable.run_for(minutes=5)

    shop.judge(order)

    assert shop.seen(order).status == Order.Status.CANCELLED
    assert Notification.objects.get().consumed_by is None


def test_a_verdict_that_is_delivered_twice_is_received_once(shop):
    order = shop.judge(shop.judge(shop.place()))

    assert order.status == Order.Status.SHIPPED
    assert Notification.objects.count() == 1


def test_a_report_that_overtakes_the_verdict_waits_for_its_turn(shop):
    order = shop.deliver(shop.place())

    shop.judge(order)

    assert shop.seen(order).status == Order.Status.DELIVERED


def test_a_parcel_that_nobody_took_comes_back(shop):
    order = shop.deliver(shop.judge(shop.place()), delivered=False)

    assert shop.handle.get_result()["delivery"] == "returned"
    assert order.status == Order.Status.RETURNED


def test_a_parcel_that_is_not_delivered_in_a_week_is_looked_for(shop):
    order = shop.judge(shop.place())

    shop.durable.run_for(days=6)
    before = shop.seen(order).status
    shop.durable.run_for(days=1)

    order.refresh_from_db()
    assert before == Order.Status.SHIPPED
    assert order.status == Order.Status.MISSING
    assert requests("shipping") == ["ship", "inquire"]
    assert f"We are looking for your parcel {order.tracking}." in told()


def test_a_bank_that_is_down_is_asked_again(shop):
    order = shop.fulfil(payment=Order.Payment.FLAKY)

    assert order.status == Order.Status.DELIVERED
    assert requests("payment") == ["charge"] * 3


def test_a_refused_card_gives_the_goods_back_and_is_an_outcome_not_an_error(shop):
    order = shop.fulfil(payment=Order.Payment.REFUSED)

    outcome = shop.handle.get_result()
    assert outcome["status"] == "failed"
    assert "refused" in outcome["reason"]
    assert order.status == Order.Status.PAYMENT_FAILED
    assert requests("inventory") == ["reserve", "release"]
    assert requests("shipping") == []
    assert shop.handle.get_status() == Workflow.Status.SUCCESS


def test_starting_a_fulfilled_order_again_repeats_nothing(shop):
    order = shop.fulfil()
    calls = ServiceCall.objects.count()

    again = shop.start(order)
    shop.durable.run_for(days=30)

    assert again.created is False
    assert again.get_result()["delivery"] == "delivered"
    assert ServiceCall.objects.count() == calls


@pytest.mark.once
def test_no_crash_changes_what_becomes_of_a_suspicious_order(shop, monkeypatch):
    # The ledger of the services keeps what a repeated step asks again.
    monkeypatch.setattr(services, "_call", unwritten)
    monkeypatch.setattr(services, "_write_answer", lambda call, answer: answer)

    def scenario():
        order = shop.judge(shop.place(), approved=False)
        return order.status, shop.handle.get_result()["reason"]

    shop.durable.crash_everywhere(scenario)


def unwritten(service, request, key):
    return ServiceCall(service=service, request=request, idempotency_key=key)
