"""python_workflow_tutorial, workflow events to coroutine workflows."""

import pytest

import django_durable as durable
from django_durable.models import Workflow
from django_durable.testing import assert_steps, run_until_idle, virtual_time
from tests.models import Entry
from tests.running import in_loop, result_of, worker
from tests.seeds import python_workflow_tutorial as programs
from tests.workflows import calls

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("tests.seeds.python_workflow_tutorial"),
]


def started_checkout():
    handle = programs.checkout_workflow.using(workflow_id="cart-1").start("widget")
    run_until_idle()
    return handle


def test_an_event_is_read_from_outside_while_its_workflow_waits():
    """Workflow events: set_event, get_event."""
    handle = started_checkout()

    payment_id = durable.get_event(handle.workflow_id, programs.PAYMENT_ID)

    assert handle.get_status() == "WAITING"
    assert payment_id == "payment of cart-1"


@pytest.mark.django_db(transaction=True)
def test_an_event_that_is_not_set_in_time_is_the_default():
    """Workflow events: get_event times out."""
    started_checkout()

    value = durable.get_event("cart-1", "nothing", timeout=0.05, default=None)

    assert value is None
    with pytest.raises(durable.WaitTimeout):
        durable.get_event("cart-1", "nothing", timeout=0.05)


@pytest.mark.django_db(transaction=True)
def test_the_endpoint_answers_with_the_payment_id_once_for_each_key(client):
    """Workflow events, example."""
    with worker():
        first = client.post("/checkout/cart-1", {"item": "widget"})
        again = client.post("/checkout/cart-1", {"item": "widget"})

    assert first.content == again.content == b"payment of cart-1"
    assert Workflow.objects.get().pk == "cart-1"
    assert calls == [("reserve", "widget")]


@pytest.mark.django_db(transaction=True)
def test_a_checkout_without_a_payment_id_is_not_found(client):
    """Workflow events, example: the checkout ends early."""
    with worker():
        response = client.post("/checkout/cart-1", {"item": "sold out"})

    assert response.status_code == 404


def test_the_payment_processors_word_ends_the_wait(client):
    """Workflow messaging and notifications, example: paid."""
    handle = started_checkout()

    response = client.post("/payment_webhook/cart-1/paid")
    run_until_idle()

    assert response.status_code == 204
    assert handle.get_result() == "dispatched"
    assert Entry.objects.get().note == "dispatched"


def test_a_failed_payment_cancels_the_order(client):
    """Workflow messaging and notifications, example: not paid."""
    handle = started_checkout()

    client.post("/payment_webhook/cart-1/refused")
    run_until_idle()

    assert handle.get_result() == "cancelled"


def test_a_payment_that_does_not_come_cancels_the_order():
    """Workflow messaging and notifications, example: recv times out."""
    with virtual_time() as time:
        handle = started_checkout()
        time.run_for(seconds=60)

    assert handle.get_result() == "cancelled"
    assert Entry.objects.get().note == "cancelled"


def test_set_workflow_id_makes_a_send_from_plain_code_exactly_once():
    """Workflow messaging and notifications, reliability guarantees."""
    with virtual_time() as time:
        handle = programs.status_history.start()
        for key in ("first", "first", "second"):
            with durable.SetWorkflowID(key):
                durable.send(handle.workflow_id, "paid", programs.PAYMENT_STATUS)
        time.run_for(seconds=60)

    assert handle.get_result() == ["paid", "paid"]


def test_a_send_without_a_key_arrives_each_time():
    """Workflow messaging and notifications, reliability guarantees: no key."""
    with virtual_time() as time:
        handle = programs.status_history.start()
        for _ in range(3):
            durable.send(handle.workflow_id, "paid", programs.PAYMENT_STATUS)
        time.run_for(seconds=60)

    assert handle.get_result() == ["paid"] * 3


@pytest.mark.django_db(transaction=True)
def test_a_coroutine_workflow_runs_a_transaction_in_a_thread():
    """Coroutine workflows."""
    with worker():
        handle = programs.async_page_workflow.start("ada", delay=0.1)
        length = result_of(handle)

    body = "ada: <h1>https://example.com</h1>"
    assert Entry.objects.get().note == body
    assert length == len(body)
    assert calls == [("fetch", "https://example.com")]


def test_a_coroutine_workflow_sleeps_without_holding_anything():
    """Coroutine workflows: asleep."""
    with virtual_time() as time:
        handle = programs.async_page_workflow.start("ada")
        time.run_for(seconds=9)

    assert handle.get_status() == "WAITING"
    assert_steps(handle, [])


def test_a_coroutine_workflow_uses_the_async_twins():
    """Coroutine workflows: events and messages."""
    handle = in_loop(durable.astart_workflow, programs.async_store)
    run_until_idle()

    event = in_loop(durable.aget_event, handle.workflow_id, programs.PAYMENT_ID)
    in_loop(durable.asend, handle.workflow_id, "paid", programs.PAYMENT_STATUS)
    run_until_idle()

    assert event == "payment 7"

    assert handle.get_result() == len("paid")
    assert Entry.objects.get().key == "async"
