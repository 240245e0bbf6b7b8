"""The complete example of python_notifications: an order fulfilment system."""

import json
from datetime import timedelta
from decimal import Decimal

from django.http import Http404, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

import django_durable as durable
from example_project.orders.models import Order, OrderItem
from tests.workflows import calls


class PaymentDeclined(Exception):
    """The bank says no."""


@durable.transaction
def create_order(order_id, customer_id, items):
    Order.objects.create(pk=order_id, customer=customer_id, status="pending")
    OrderItem.objects.bulk_create(
        OrderItem(
            order_id=order_id,
            sku=item["product_id"],
            title=item["product_id"],
            price=0,
            quantity=item["quantity"],
        )
        for item in items
    )


@durable.transaction
def update_order_status(order_id, status):
    Order.objects.filter(pk=order_id).update(status=status)
    calls.append(("status", status))


@durable.step
def reserve_inventory(items):
    return {"reservation_id": f"reservation of {len(items)}"}


@durable.step
def charge_customer(customer_id, amount):
    calls.append(("charge", customer_id, amount))
    return {"transaction_id": f"{customer_id} pays {amount}"}


@durable.step
def ship_order(order_id, items):
    calls.append(("ship", order_id, len(items)))
    return {"tracking_id": f"parcel {order_id}"}


@durable.step
def send_notification(customer_id, message):
    calls.append(("mail", customer_id, message))


@durable.workflow
def order_fulfillment(order_id, customer_id, items, total_amount):
    """Bring an order from its creation to the customer's door."""
    durable.logger.info("Starting fulfilment for order %s", order_id)
    create_order(order_id, customer_id, items)
    update_order_status(order_id, "created")
    reservation = reserve_inventory(items)
    update_order_status(order_id, "inventory_reserved")

    fraud_check = durable.recv("fraud_check", timeout=timedelta(minutes=5))
    if not fraud_check["approved"]:
        update_order_status(order_id, "cancelled_fraud")
        return {
            "status": "cancelled",
            "reason": "fraud_check_failed",
            "order_id": order_id,
        }

    try:
        payment = charge_customer(customer_id, total_amount)
    except Exception as error:
        update_order_status(order_id, "payment_failed")
        return {
            "status": "failed",
            "reason": "payment_error",
            "error": str(error),
            "order_id": order_id,
        }
    update_order_status(order_id, "paid")
    shipment = ship_order(order_id, items)
    update_order_status(order_id, "shipped")
    send_notification(
        customer_id,
        f"Your order {order_id} is on its way: {shipment['tracking_id']}",
    )
    confirm_delivery(order_id, customer_id)
    return {
        "status": "completed",
        "order_id": order_id,
        "reservation_id": reservation["reservation_id"],
        "transaction_id": payment["transaction_id"],
        "tracking_id": shipment["tracking_id"],
    }


def confirm_delivery(order_id, customer_id):
    """Wait for the carrier's word, as a part of the workflow's body."""
    delivery = durable.recv("delivery_confirmed", timeout=timedelta(days=7))
    if delivery["delivered"]:
        update_order_status(order_id, "delivered")
        send_notification(customer_id, f"Your order {order_id} has been delivered!")
    else:
        update_order_status(order_id, "delivery_failed")


@csrf_exempt
@require_POST
def create_order_endpoint(request):
    """Start the fulfilment of an order, once however often it is posted."""
    data = json.loads(request.body)
    with durable.SetWorkflowID(f"order-{data['order_id']}"):
        handle = order_fulfillment.start(
            data["order_id"],
            data["customer_id"],
            data["items"],
            Decimal(data["total_amount"]),
        )
    return JsonResponse(
        {"order_id": data["order_id"], "workflow_id": handle.workflow_id}, status=202
    )


@csrf_exempt
@require_POST
def fraud_check_callback(request, order_id):
    """Hand on what the fraud check has found."""
    return _handed_on(request, order_id, "fraud_check", ("approved", "risk_score"))


@csrf_exempt
@require_POST
def delivery_webhook(request, order_id):
    """Hand on what the carrier reports."""
    wanted = ("delivered", "timestamp")
    return _handed_on(request, order_id, "delivery_confirmed", wanted)


def _handed_on(request, order_id, topic, wanted):
    """Send to an order's workflow; the caller's key makes its retries harmless."""
    data = json.loads(request.body)
    try:
        durable.send(
            f"order-{order_id}",
            {name: data[name] for name in wanted},
            topic=topic,
            idempotency_key=request.headers["Idempotency-Key"],
        )
    except durable.WorkflowNotFound as error:
        raise Http404(str(error)) from None
    return HttpResponse(status=204)


urlpatterns = [
    path("orders/", create_order_endpoint),
    path("orders/<int:order_id>/fraud-check/", fraud_check_callback),
    path("orders/<int:order_id>/delivery/", delivery_webhook),
]
