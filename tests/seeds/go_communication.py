"""The programs of go_communication: messages, events and streams."""

import json
from datetime import timedelta

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

import django_durable as durable
from tests.workflows import calls

PAYMENT_STATUS = "payment_status"
PAYMENT_URL = "payment_url"

PAYMENT_URL_SECONDS = 30

# Messages example, events example: one shop


@durable.step
def validate(order):
    calls.append(("validate", order["item"]))
    return order["quantity"] > 0


@durable.step
def fulfil(order):
    calls.append(("fulfil", order["item"]))


@durable.step
def give_up(order, reason):
    calls.append(("give up", order["item"], reason))


@durable.workflow
def checkout(order):
    """Send the customer to pay, then wait for the payment service's word."""
    if not validate(order):
        return "invalid"
    durable.set_event(PAYMENT_URL, f"https://pay.example.com/{durable.workflow_id()}")
    try:
        notification = durable.recv(PAYMENT_STATUS, timeout=timedelta(minutes=5))
    except TimeoutError:
        give_up(order, "no word")
        return "timed out"
    if notification["status"] != "completed":
        give_up(order, notification["status"])
        return "failed"
    fulfil(order)
    return "fulfilled"


@csrf_exempt
@require_POST
def web_checkout(request):
    """Start a checkout and redirect to the payment page that it publishes."""
    handle = checkout.start(json.loads(request.body))
    try:
        url = durable.get_event(
            handle.workflow_id, PAYMENT_URL, timeout=PAYMENT_URL_SECONDS
        )
    except durable.WaitTimeout:
        return HttpResponse("The checkout did not start.", status=504)
    return HttpResponseRedirect(url)


@csrf_exempt
@require_POST
def payment_webhook(request):
    """Forward the payment service's notification to the waiting workflow."""
    notification = json.loads(request.body)
    try:
        durable.send(
            notification["metadata"]["workflow_id"],
            {"status": notification["status"]},
            PAYMENT_STATUS,
            idempotency_key=notification["id"],
        )
    except durable.WorkflowNotFound:
        return HttpResponse("Failed to send the notification.", status=500)
    return HttpResponse(status=204)


urlpatterns = [
    path("checkout/", web_checkout),
    path("payment_webhook/", payment_webhook),
]

# Send, recv: queues per topic


@durable.workflow
def topics():
    """Receive twice on a topic and once without one."""
    first = durable.recv("news", timeout=60)
    second = durable.recv("news", timeout=60)
    try:
        plain = durable.recv(timeout=60)
    except durable.WaitTimeout:
        plain = "nothing without a topic"
    return [first, second, plain]


# Reliability guarantees of messages


@durable.workflow
def counter():
    """Add up what is sent until a second passes without a message."""
    total = 0
    while (number := durable.recv("numbers", timeout=1, default=None)) is not None:
        total += number
    return total


@durable.workflow
def sums():
    """Send to a child; each message counts exactly once."""
    handle = counter.start()
    for number in (1, 10):
        durable.send(handle.workflow_id, number, "numbers")
    return handle.get_result()


# Reliability guarantees of events


@durable.workflow
def publisher():
    """Publish a status, and another one when told to."""
    durable.set_event("status", "first")
    durable.recv("go")
    durable.set_event("status", "second")
    durable.recv("stop")


@durable.workflow
def observer(workflow_id):
    """Look at another workflow's status, now and a minute later."""
    before = durable.get_event(workflow_id, "status")
    durable.sleep(60)
    return before, durable.get_event(workflow_id, "status")


# Streams


@durable.workflow
def producer():
    """Report progress and close the stream."""
    durable.write_stream("progress", "step 1 complete")
    durable.write_stream("progress", "step 2 complete")
    durable.close_stream("progress")
    return "done"


@durable.workflow
def paced_producer():
    """Write a value each time that somebody asks for one."""
    while durable.recv("more"):
        number = durable.run_step(_next_number, step_name="next_number")
        durable.write_stream("progress", number)
    durable.write_stream("progress", "the end, without closing")


def _next_number():
    calls.append("next")
    return len(calls)


@durable.workflow
def many_streams():
    """Write to two streams; each has values and an order of its own."""
    for number in range(3):
        durable.write_stream("numbers", number)
        durable.write_stream("letters", "abc"[number])
    durable.close_stream("letters")


@durable.step(max_attempts=2, interval=60, jitter=False)
def careless_step():
    """Write, and fail once when half of it is done."""
    attempt = durable.current().step_attempt
    durable.write_stream("progress", f"try {attempt}, first half")
    if attempt == 1:
        raise ConnectionError("the model went away")
    durable.write_stream("progress", f"try {attempt}, second half")


@durable.workflow
def careless_producer():
    """Let a step write that is tried twice."""
    careless_step()
