"""typescript_communication: the events API and the messages API."""

import pytest

import django_durable as durable
from django_durable.models import Workflow
from django_durable.testing import crash_everywhere, run_until_idle, virtual_time
from tests.running import worker
from tests.seeds import typescript_communication as programs
from tests.workflows import calls

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("tests.seeds.typescript_communication"),
]

URL = "https://pay.example.com/session-1"


@pytest.fixture
def post(client):
    """Return a function that posts JSON."""
    return lambda url, data: client.post(url, data, content_type="application/json")


def notify(post, handle, message, key="notification-1"):
    data = {"id": key, "workflow_id": handle.workflow_id, "message": message}
    return post("/payment_webhook", data)


def started_payment():
    handle = programs.payment_workflow.start(["kettle"])
    run_until_idle()
    return handle


@pytest.mark.parametrize(
    ("style", "outcome", "value"),
    [("immutable", "refused", "yes"), ("updated", "updated", "no")],
)
def test_an_immutable_event_refuses_a_second_value(style, outcome, value):
    """Events API, setEvent."""
    handle = programs.indecisive.start(style)

    run_until_idle()

    assert handle.get_result() == outcome
    assert durable.get_event(handle.workflow_id, "answer") == value


@pytest.mark.django_db(transaction=True)
def test_reading_an_event_that_is_not_set_gives_the_default_in_the_end():
    """Events API, getEvent: the time-out."""
    handle = started_payment()

    value = durable.get_event(handle.workflow_id, "other", timeout=0.05, default=None)

    assert value is None


@pytest.mark.django_db(transaction=True)
def test_the_handler_redirects_to_the_url_of_the_event(post):
    """Events API, example."""
    with worker():
        response = post("/api/checkout_session", ["kettle"])

    assert (response.status_code, response.url) == (302, URL)


@pytest.mark.django_db(transaction=True)
def test_the_handler_redirects_to_the_cancel_page_without_an_event(post):
    """Events API, example: no URL."""
    with worker():
        response = post("/api/checkout_session", [])

    assert (response.status_code, response.url) == (302, "/checkout/cancel")
    assert Workflow.objects.get().status == "SUCCESS"


def test_an_event_is_still_there_when_its_workflow_has_ended():
    """Events API, reliability guarantees."""
    with virtual_time() as time:
        handle = started_payment()
        time.run_for(minutes=10)

    assert handle.get_status() == "SUCCESS"
    assert durable.get_event(handle.workflow_id, programs.CHECKOUT_URL) == URL


def test_an_event_is_set_once_whatever_crashes():
    """Events API, reliability guarantees: crashes."""

    def scenario():
        handle = programs.indecisive.start("immutable")
        run_until_idle()
        return handle.get_result(), durable.get_events(handle.workflow_id)

    crash_everywhere(scenario)

    assert scenario() == ("refused", {"answer": "yes"})


def test_a_message_in_time_is_handled(post):
    """Messages API, example: the notification comes."""
    handle = started_payment()

    response = notify(post, handle, "paid")
    run_until_idle()

    assert response.status_code == 204
    assert handle.get_result() == "paid"
    assert "query" not in calls


def test_without_a_message_the_provider_is_asked():
    """Messages API, example: the notification does not come."""
    with virtual_time() as time:
        handle = started_payment()
        time.run_for(minutes=10)

    assert handle.get_result() == "unpaid"
    assert calls[-1] == "query"


def test_a_receive_without_a_topic_takes_only_messages_without_one():
    """Messages API, send and recv."""
    with virtual_time() as time:
        handle = programs.patient.start()
        durable.send(handle.workflow_id, "one")
        durable.send(handle.workflow_id, "other", "topic")
        durable.send(handle.workflow_id, "two")
        time.run_for(seconds=10)

    assert handle.get_result() == ["one", "two"]


def test_a_workflow_sends_exactly_once():
    """Messages API, reliability guarantees: from a workflow."""

    def scenario():
        with virtual_time() as time:
            handle = programs.patient.start()
            programs.replying.start(handle.workflow_id)
            time.run_for(seconds=10)
        return handle.get_result()

    assert scenario() == ["one", "two"]


def test_a_handler_sends_exactly_once_with_an_idempotency_key(post):
    """Messages API, reliability guarantees: from a handler."""
    with virtual_time() as time:
        handle = programs.patient.start(programs.CHECKOUT_COMPLETE)
        for key in ("notification-1", "notification-1", "notification-2"):
            notify(post, handle, f"paid, says {key}", key)
        time.run_for(seconds=10)

    assert handle.get_result() == [
        "paid, says notification-1",
        "paid, says notification-2",
    ]
