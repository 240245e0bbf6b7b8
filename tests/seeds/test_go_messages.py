"""go_messages: messages for workflow notifications."""

import queue

import pytest

import django_durable as durable
from django_durable.definitions import registry
from django_durable.testing import crash_everywhere, run_until_idle, virtual_time
from tests.running import steps_of
from tests.seeds import go_messages as programs
from tests.workflows import calls

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.seeds.go_messages")]


def started_checkout():
    handle = programs.checkout.using(workflow_id="checkout-7").start(7)
    run_until_idle()
    return handle


def test_a_queue_of_the_process_has_forgotten_the_message_at_the_replay(monkeypatch):
    """Incorrect: external messaging."""
    monkeypatch.setattr(registry, "_definitions", {})
    messages = queue.SimpleQueue()
    messages.put("paid")

    @durable.workflow
    def forgetful_checkout():
        notification = messages.get_nowait()
        durable.sleep(60)
        return notification

    with virtual_time() as time:
        handle = forgetful_checkout.start()
        time.run_for(seconds=60)

    with pytest.raises(queue.Empty):
        handle.get_result()


def test_a_paid_order_is_fulfilled(client):
    """Correct: paid."""
    handle = started_checkout()

    response = client.post("/payment/checkout-7", {"status": "paid"})
    run_until_idle()

    assert response.status_code == 204
    assert handle.get_result() == "fulfilled"
    assert calls == [("fulfil", 7)]
    assert steps_of(handle)[-1] == ("", 2, "fulfil_order")


def test_an_order_that_is_not_paid_is_cancelled(client):
    """Correct: another status."""
    handle = started_checkout()

    client.post("/payment/checkout-7", {"status": "refused"})
    run_until_idle()

    assert handle.get_result() == "cancelled"
    assert calls == [("cancel", 7)]


def test_a_message_is_consumed_by_the_receive_that_returns_it():
    """Key behaviours: waits for and consumes the next message."""
    handle = programs.first_in_first_out.start()
    for topic, message in (("a", 1), ("a", 2), ("b", 3)):
        durable.send(handle.workflow_id, message, topic)
    run_until_idle()
    assert handle.get_status() == "WAITING"

    durable.send(handle.workflow_id, 4, "b")
    run_until_idle()

    assert handle.get_result() == [1, 2, 3, 4]


def test_a_receive_that_times_out_raises_a_timeout_error():
    """Key behaviours: time-out."""
    with virtual_time() as time:
        handle = started_checkout()
        time.run_for(seconds=119)
        assert handle.get_status() == "WAITING"
        time.run_for(seconds=1)

    with pytest.raises(TimeoutError) as caught:
        handle.get_result()
    assert isinstance(caught.value, durable.WaitTimeout)
    assert calls == []


def test_a_message_without_a_topic_is_received_without_one():
    """Key behaviours: no topic."""
    handle = programs.without_topic.start()

    durable.send(handle.workflow_id, "on a topic", "topic")
    run_until_idle()
    assert handle.get_status() == "WAITING"
    durable.send(handle.workflow_id, "without one")
    run_until_idle()

    assert handle.get_result() == "without one"


def test_each_topic_is_first_in_first_out():
    """Key behaviours: queued per topic."""
    handle = programs.first_in_first_out.start()
    for topic, message in (("b", 3), ("a", 1), ("b", 4), ("a", 2)):
        durable.send(handle.workflow_id, message, topic)

    run_until_idle()

    assert handle.get_result() == [1, 2, 3, 4]


def test_a_message_outlives_its_sender_and_every_crash_of_the_receiver():
    """Reliability guarantees."""

    def scenario():
        handle = started_checkout()
        durable.send(handle.workflow_id, "paid", programs.PAYMENT_STATUS)
        run_until_idle()
        return handle.get_result()

    crash_everywhere(scenario)

    assert scenario() == "fulfilled"
