"""Messages: to exactly one recv, in order, with time-outs that are recorded."""

import logging

import pytest
from django.db import transaction

import django_durable as durable
from django_durable.models import Notification, Step, Workflow
from django_durable.testing import assert_steps, run_until_idle, virtual_time
from tests.communication import workflows

pytestmark = pytest.mark.django_db

BOTH = pytest.mark.parametrize("definition", [workflows.receiver, workflows.areceiver])
SENDERS = pytest.mark.parametrize("definition", [workflows.sender, workflows.asender])


@BOTH
def test_a_message_that_is_there_is_received(definition):
    handle = definition.start("news")
    durable.send(handle, {"amount": (1, 2)}, "news")

    run_until_idle()

    assert handle.get_result() == [{"amount": (1, 2)}]
    assert_steps(handle, ["recv(news)"])


@BOTH
def test_a_workflow_that_waits_is_woken_by_a_message(definition):
    handle = definition.start()
    run_until_idle()
    assert handle.get_status() == "WAITING"

    durable.send(handle.workflow_id, "hello")
    run_until_idle()

    assert handle.get_result() == ["hello"]


@BOTH
def test_messages_of_a_topic_come_in_the_order_in_which_they_were_sent(definition):
    handle = definition.start("news", 3)
    for number in range(5):
        durable.send(handle, number, "news")

    run_until_idle()

    assert handle.get_result() == [0, 1, 2]
    unread = Notification.objects.filter(consumed_by=None)
    assert unread.count() == 2


@BOTH
def test_topics_do_not_mix(definition):
    on_topic, without = definition.start("news"), definition.start()
    for handle in (on_topic, without):
        durable.send(handle, "plain")
        durable.send(handle, "other", "other")
        durable.send(handle, "news", "news")

    run_until_idle()

    assert on_topic.get_result() == ["news"]
    assert without.get_result() == ["plain"]


@BOTH
def test_a_wait_without_a_default_ends_in_a_time_out_error(definition):
    handle = definition.start("news", timeout=60)

    with virtual_time() as time:
        run_until_idle()
        time.advance(seconds=61)
        run_until_idle()

    with pytest.raises(durable.WaitTimeout, match="topic 'news'") as caught:
        handle.get_result()
    assert isinstance(caught.value, TimeoutError)


@BOTH
def test_a_default_stands_in_for_a_message_that_does_not_come(definition):
    handle = definition.start("news", 2, timeout=60, default=None)

    with virtual_time() as time:
        run_until_idle()
        time.advance(seconds=61)
        run_until_idle()
        durable.send(handle, "late", "news")
        run_until_idle()

    assert handle.get_result() == [None, "late"]


def test_a_message_that_is_there_wins_over_a_time_that_is_up():
    handle = workflows.receiver.start("news", timeout=60, default="none")

    with virtual_time() as time:
        run_until_idle()
        durable.send(handle, "in time", "news")
        time.advance(seconds=61)
        run_until_idle()

    assert handle.get_result() == ["in time"]


@SENDERS
def test_workflows_send_to_workflows(definition):
    handle = workflows.receiver.start("news", 2)
    sending = definition.start(handle.workflow_id, "a", "b", topic="news")

    run_until_idle()

    assert handle.get_result() == ["a", "b"]
    assert_steps(sending, ["send(news)", "send(news)"])


def test_a_send_to_nobody_fails_the_same_way_at_each_replay():
    handle = workflows.sends_to_nobody.start()

    with virtual_time() as time:
        run_until_idle()
        time.advance(seconds=2)
        run_until_idle()

    assert handle.get_result() == "nobody"
    assert not Notification.objects.exists()


def test_send_many_is_one_step_and_keeps_the_order():
    handle = workflows.receiver.start("many", 3)
    sending = workflows.sends_many.start(handle.workflow_id, 1, 2, 3)

    run_until_idle()

    assert handle.get_result() == [1, 2, 3]
    assert_steps(sending, ["send_many"])


def test_send_many_from_outside_sends_all_or_nothing():
    handle = workflows.receiver.start("many", 2)
    good = [durable.Message(handle.workflow_id, number, "many") for number in (1, 2)]

    with pytest.raises(durable.WorkflowNotFound):
        durable.send_many([*good, durable.Message("nobody", 3)])
    assert not Notification.objects.exists()
    durable.send_many(good)
    run_until_idle()

    assert handle.get_result() == [1, 2]


def test_a_workflow_that_has_ended_keeps_its_messages_unread():
    handle = workflows.receiver.start(timeout=0, default=None)
    run_until_idle()

    durable.send(handle, "late")

    assert Notification.objects.get().consumed_by is None


def test_a_send_belongs_to_the_transaction_around_it():
    handle = workflows.receiver.start()

    with transaction.atomic():
        durable.send(handle, "rolled back")
        transaction.set_rollback(True)
    durable.send(handle, "stays")
    run_until_idle()

    assert handle.get_result() == ["stays"]


def test_an_idempotency_key_sends_once(caplog):
    handle = workflows.receiver.start(count=2, timeout=0, default=None)

    for _ in range(2):
        durable.send(handle, "paid", idempotency_key="event-1")
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        durable.send(handle, "refunded", idempotency_key="event-1")
    run_until_idle()

    assert handle.get_result() == ["paid", None]
    assert "'event-1'; the first one counts" in caplog.text


def test_set_workflow_id_around_a_send_gives_the_key():
    handle = workflows.receiver.start(count=2, timeout=0, default=None)

    for _ in range(2):
        with durable.SetWorkflowID("event-2"):
            durable.send(handle, "paid")
    run_until_idle()

    assert handle.get_result() == ["paid", None]


def test_a_schema_shapes_a_message():
    handle = workflows.takes_payment.start()
    durable.send(handle, {"amount": 5}, "payment")

    run_until_idle()

    assert handle.get_result() == ["Payment", 5, True]


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ({}, "missing: amount"),
        ({"amount": 1, "note": "x"}, "unknown: note"),
        ({"amount": "1"}, "amount: int is expected, not '1'"),
        ({"amount": True}, "amount: int is expected, not True"),
        ("paid", "a dict is expected"),
    ],
)
def test_a_message_that_does_not_fit_its_schema_says_what_is_wrong(message, problem):
    handle = workflows.takes_payment.start()
    durable.send(handle, message, "payment")

    run_until_idle()

    with pytest.raises(ValueError, match=problem):
        handle.get_result()


def test_branches_share_out_the_messages():
    handle = workflows.branches_receive.start("work", 3)
    run_until_idle()

    for number in range(3):
        durable.send(handle, number, "work")
    run_until_idle()

    assert sorted(handle.get_result()) == [0, 1, 2]


def test_a_cancellation_ends_a_wait_at_once():
    handle = workflows.receiver.start()
    run_until_idle()

    assert durable.cancel_workflow(handle.workflow_id)

    assert handle.get_status() == "CANCELLED"


def test_a_message_received_is_consumed_by_its_step():
    handle = workflows.receiver.start()
    durable.send(handle, "hello")

    run_until_idle()

    message, step = Notification.objects.get(), Step.objects.get()
    assert (message.consumed_branch, message.consumed_by) == (step.branch, step.step_id)
    assert step.output == message.message
    assert Workflow.objects.get().status == "SUCCESS"
