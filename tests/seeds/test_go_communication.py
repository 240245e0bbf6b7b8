"""go_communication, messages and events."""

import pytest

import django_durable as durable
from django_durable.models import Workflow
from django_durable.testing import run_until_idle, virtual_time
from tests.running import worker
from tests.seeds import go_communication as programs
from tests.workflows import calls

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("tests.seeds.go_communication"),
]

ORDER = {"item": "kettle", "quantity": 1}


@pytest.fixture
def post(client):
    """Return a function that posts JSON."""
    return lambda url, data: client.post(url, data, content_type="application/json")


def notify(post, workflow_id, status, key="notification-1"):
    metadata = {"workflow_id": workflow_id}
    notification = {"id": key, "status": status, "metadata": metadata}
    return post("/payment_webhook/", notification)


def started_checkout():
    handle = programs.checkout.start(ORDER)
    run_until_idle()
    return handle


def test_messages_are_queued_per_topic_and_in_order():
    """Send, recv."""
    handle = programs.topics.start()
    durable.send(handle.workflow_id, "plain")
    durable.send(handle.workflow_id, "one", "news")
    durable.send(handle.workflow_id, "two", "news")

    run_until_idle()

    assert handle.get_result() == ["one", "two", "plain"]


def test_a_message_with_a_topic_does_not_end_a_wait_without_one():
    """Recv: without a topic only messages without one."""
    with virtual_time() as time:
        handle = programs.topics.start()
        for message in ("one", "two", "three"):
            durable.send(handle.workflow_id, message, "news")
        time.run_for(seconds=60)

    assert handle.get_result() == ["one", "two", "nothing without a topic"]


def test_the_payment_services_notification_fulfils_the_order(post):
    """Messages example: paid."""
    handle = started_checkout()

    response = notify(post, handle.workflow_id, "completed")
    run_until_idle()

    assert response.status_code == 204
    assert handle.get_result() == "fulfilled"
    assert calls == [("validate", "kettle"), ("fulfil", "kettle")]


def test_a_notification_of_a_failure_is_handled(post):
    """Messages example: refused."""
    handle = started_checkout()

    notify(post, handle.workflow_id, "refused")
    run_until_idle()

    assert handle.get_result() == "failed"
    assert calls[-1] == ("give up", "kettle", "refused")


def test_a_notification_that_does_not_come_is_handled():
    """Messages example: five minutes without a word."""
    with virtual_time() as time:
        handle = started_checkout()
        time.run_for(minutes=5)

    assert handle.get_result() == "timed out"
    assert calls[-1] == ("give up", "kettle", "no word")


def test_a_webhook_that_cannot_send_says_so(post):
    """Messages example: the webhook's error."""
    assert notify(post, "nobody", "completed").status_code == 500


def test_messages_from_a_workflow_arrive_exactly_once():
    """Messages, reliability guarantees."""

    def scenario():
        with virtual_time() as time:
            handle = programs.sums.start()
            time.run_for(seconds=1)
        return handle.get_result()

    assert scenario() == 11


@pytest.mark.django_db(transaction=True)
def test_the_view_redirects_to_the_url_that_its_workflow_publishes(post):
    """Events example."""
    with worker():
        response = post("/checkout/", ORDER)

    workflow_id = Workflow.objects.get().pk
    assert response.status_code == 302
    assert response.url == f"https://pay.example.com/{workflow_id}"


@pytest.mark.django_db(transaction=True)
def test_an_order_that_publishes_no_url_is_answered_at_once(post):
    """Events example: the workflow ends without the event."""
    with worker():
        response = post("/checkout/", {"item": "kettle", "quantity": 0})

    assert response.status_code == 504
    assert Workflow.objects.get().status == "SUCCESS"


@pytest.mark.django_db(transaction=True)
def test_the_view_gives_up_when_no_worker_publishes_the_url(post, monkeypatch):
    """Events example: the time-out."""
    monkeypatch.setattr(programs, "PAYMENT_URL_SECONDS", 0.1)

    response = post("/checkout/", ORDER)

    assert response.status_code == 504
    assert Workflow.objects.get().status == "ENQUEUED"


def test_the_latest_value_of_an_event_can_always_be_read():
    """SetEvent, GetEvent, reliability guarantees: updates."""
    handle = programs.publisher.start()
    run_until_idle()
    assert durable.get_event(handle.workflow_id, "status") == "first"

    durable.send(handle.workflow_id, True, "go")
    run_until_idle()
    assert durable.get_event(handle.workflow_id, "status") == "second"

    durable.send(handle.workflow_id, True, "stop")
    run_until_idle()
    assert durable.get_events(handle.workflow_id) == {"status": "second"}


def test_a_value_read_in_a_workflow_stays_although_the_event_is_updated():
    """Events, reliability guarantees: recorded values."""
    with virtual_time() as time:
        published = programs.publisher.start()
        run_until_idle()
        handle = programs.observer.start(published.workflow_id)
        run_until_idle()
        durable.send(published.workflow_id, True, "go")
        time.run_for(seconds=60)

    assert handle.get_result() == ("first", "second")


def test_a_workflow_waits_for_an_event_that_is_not_published_yet():
    """GetEvent: waits in a workflow."""
    with virtual_time() as time:
        published = programs.publisher.using(workflow_id="published").start()
        handle = programs.observer.start("published")
        time.run_for(seconds=60)

    assert handle.get_result() == ("first", "first")
    assert published.get_status() == "WAITING"
