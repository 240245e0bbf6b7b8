"""The programs of typescript_communication: the payment of a shop."""

import json
from datetime import timedelta

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

import django_durable as durable
from tests.workflows import calls

CHECKOUT_URL = "checkout_url"
CHECKOUT_COMPLETE = "checkout_complete"


@durable.step
def validate_order(cart):
    calls.append(("validate", tuple(cart)))
    return bool(cart)


@durable.step
def create_payment_session():
    return "https://pay.example.com/session-1"


@durable.step
def query_payment_state():
    """Ask the payment provider, which has not told."""
    calls.append("query")
    return "unpaid"


@durable.workflow
def payment_workflow(cart):
    """Publish where to pay, once and for ever, and wait for the payment."""
    if not validate_order(cart):
        return "empty"
    durable.set_event(CHECKOUT_URL, create_payment_session(), overwrite=False)
    notification = durable.recv(
        CHECKOUT_COMPLETE, timeout=timedelta(minutes=10), default=None
    )
    if notification is None:
        return query_payment_state()
    return notification


@csrf_exempt
@require_POST
def web_checkout(request):
    """Start a payment and lead the customer to it."""
    handle = payment_workflow.start(json.loads(request.body))
    url = durable.get_event(handle.workflow_id, CHECKOUT_URL, default=None)
    return redirect("/checkout/cancel" if url is None else url)


@csrf_exempt
@require_POST
def payment_webhook(request):
    """Hand on the provider's notification, once for each of its ids."""
    notification = json.loads(request.body)
    durable.send(
        notification["workflow_id"],
        notification["message"],
        topic=CHECKOUT_COMPLETE,
        idempotency_key=notification["id"],
    )
    return HttpResponse(status=204)


urlpatterns = [
    path("api/checkout_session", web_checkout),
    path("payment_webhook", payment_webhook),
]


@durable.workflow
def indecisive(style):
    """Publish one key twice."""
    durable.set_event("answer", "yes", overwrite=False)
    try:
        durable.set_event("answer", "no", overwrite=style == "updated")
    except durable.EventAlreadySet:
        return "refused"
    return "updated"


@durable.workflow
def patient(topic=None):
    """Receive until nothing comes for ten seconds."""
    found = []
    while (message := durable.recv(topic, timeout=10, default=None)) is not None:
        found.append(message)
    return found


@durable.workflow
def replying(workflow_id):
    """Send to another workflow from a workflow."""
    for message in ("one", "two"):
        durable.send(workflow_id, message)
