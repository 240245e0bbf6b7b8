"""The programs of go_messages: notifications for a checkout."""

from django.http import HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

import django_durable as durable
from tests.workflows import calls

PAYMENT_STATUS = "payment_status"


def fulfil_order(order_id):
    calls.append(("fulfil", order_id))
    return "fulfilled"


def cancel_order(order_id):
    calls.append(("cancel", order_id))
    return "cancelled"


@durable.workflow
def checkout(order_id):
    """Fulfil an order when it is paid; two minutes without word are an error."""
    notification = durable.recv(PAYMENT_STATUS, timeout=120)
    if notification == "paid":
        return durable.run_step(fulfil_order, order_id, step_name="fulfil_order")
    return durable.run_step(cancel_order, order_id, step_name="cancel_order")


@csrf_exempt
@require_POST
def payment_webhook(request, workflow_id):
    """Send the payment's status to the checkout."""
    durable.send(workflow_id, request.POST["status"], PAYMENT_STATUS)
    return HttpResponse(status=204)


urlpatterns = [path("payment/<str:workflow_id>", payment_webhook)]


@durable.workflow
def without_topic():
    """Receive only what was sent without a topic."""
    return durable.recv(timeout=120, default=None)


@durable.workflow
def first_in_first_out():
    """Receive from two queues, each in the order of its own."""
    topics = ("a", "a", "b", "b")
    return [durable.recv(topic, timeout=120) for topic in topics]
