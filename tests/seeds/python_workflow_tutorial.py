"""The programs of python_workflow_tutorial: workflows, from steps to management."""

import asyncio

from django.http import Http404, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

import django_durable as durable
from tests.models import Entry
from tests.workflows import calls

PAYMENT_ID = "payment_id"
PAYMENT_STATUS = "payment_status"

# Workflows


@durable.step
def send_confirmation_email(email):
    calls.append(("confirmation", email))


@durable.step
def send_reminder_email(email):
    calls.append(("reminder", email))


@durable.workflow
def reminder_workflow(email, time_to_sleep):
    """Confirm now, remind later, however often the process dies in between."""
    send_confirmation_email(email)
    durable.sleep(time_to_sleep)
    send_reminder_email(email)


# Reliability guarantees


class ServiceDown(Exception):
    """An outside service does not answer."""


@durable.step(max_attempts=3, retry_on=(ServiceDown,), interval=60)
def ask_flaky_service():
    calls.append("asked")
    return "answer"


@durable.step
def fetch(url):
    calls.append(("fetch", url))
    return f"<h1>{url}</h1>"


@durable.transaction
def store(body, key="page"):
    """Keep a page in the database, exactly once."""
    Entry.objects.create(key=key, note=body)
    return len(body)


@durable.workflow
def patient_workflow():
    """Call a service that may be down for a while."""
    return ask_flaky_service()


@durable.workflow
def failing_workflow(reason):
    """End with an exception of the body."""
    send_confirmation_email("ada@example.com")
    raise ValueError(reason)


# Determinism


@durable.workflow
def page_workflow(friend):
    """Ask the world in a step, write in a transaction."""
    body = fetch("https://example.com")
    return store(f"{friend}: {body}")


# Workflow ids and idempotency


@durable.workflow
def named_workflow():
    """Tell under which id this runs."""
    durable.logger.info("I am a workflow with the id %s", durable.workflow_id())
    send_confirmation_email(durable.workflow_id())
    return durable.workflow_id()


# Starting workflows in the background


@durable.workflow
def slow_concatenation(first, second):
    """Take ten seconds for little."""
    durable.sleep(10)
    return first + second


# Workflow events, messaging and notifications: the widget store


@durable.step
def reserve_widget(item):
    calls.append(("reserve", item))
    return item != "sold out"


@durable.transaction
def note_payment(item, outcome):
    Entry.objects.create(key=item, note=outcome)


@durable.workflow
def checkout_workflow(item):
    """Publish a payment id, and wait a minute for the payment."""
    if not reserve_widget(item):
        return "sold out"
    durable.set_event(PAYMENT_ID, f"payment of {durable.workflow_id()}")
    payment_status = durable.recv(PAYMENT_STATUS, timeout=60, default=None)
    outcome = "dispatched" if payment_status == "paid" else "cancelled"
    note_payment(item, outcome)
    return outcome


@csrf_exempt
@require_POST
def checkout_endpoint(request, idempotency_key):
    """Start a checkout, once for each key, and answer with its payment id."""
    with durable.SetWorkflowID(idempotency_key):
        handle = durable.start_workflow(checkout_workflow, request.POST["item"])
    payment_id = durable.get_event(handle.workflow_id, PAYMENT_ID, default=None)
    if payment_id is None:
        raise Http404("Checkout failed to start")
    return HttpResponse(payment_id)


@csrf_exempt
@require_POST
def payment_endpoint(request, workflow_id, payment_status):
    """Send the payment's status to the checkout that waits for it."""
    durable.send(workflow_id, payment_status, PAYMENT_STATUS)
    return HttpResponse(status=204)


urlpatterns = [
    path("checkout/<str:idempotency_key>", checkout_endpoint),
    path("payment_webhook/<str:workflow_id>/<str:payment_status>", payment_endpoint),
]


@durable.workflow
def status_history():
    """Collect the statuses that come within a minute of each other."""
    found = []
    while (
        status := durable.recv(PAYMENT_STATUS, timeout=60, default=None)
    ) is not None:
        found.append(status)
    return found


# Coroutine workflows


@durable.step
async def afetch(url):
    calls.append(("fetch", url))
    await asyncio.sleep(0)
    return f"<h1>{url}</h1>"


@durable.workflow
async def async_page_workflow(friend, delay=10):
    """Sleep, fetch, and store with sync code in a thread."""
    await durable.asleep(delay)
    body = await afetch("https://example.com")
    return await asyncio.to_thread(store, f"{friend}: {body}")


@durable.workflow
async def async_store():
    """Do as the checkout does, with the twins for async code."""
    await durable.aset_event(PAYMENT_ID, "payment 7")
    status = await durable.arecv(PAYMENT_STATUS, timeout=60, default=None)
    return await store.acall(str(status), key="async")


# Cancelling, resuming


@durable.step
def cancel_this_workflow():
    """Stand for a person who cancels while the workflow executes."""
    calls.append("cancelled")
    durable.cancel_workflow(durable.workflow_id(), reason="changed my mind")


@durable.workflow
def cancelled_while_executing():
    """Be cancelled in the first of two steps."""
    cancel_this_workflow()
    send_confirmation_email("ada@example.com")
    return "done"
