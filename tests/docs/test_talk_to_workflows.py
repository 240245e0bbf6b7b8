"""How to talk to running workflows."""

import asyncio
import json
import unittest

import pytest
from django.db import transaction
from django.test import RequestFactory

from django_durable.models import Notification
from example_project.orders.models import Order
from tests.running import row_of

PAGE = "how-to/talk-to-workflows.md"

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(page, durable):
    """Return an order whose workflow waits for its verdict."""
    order = Order.objects.create(customer="Ada")
    page.fulfil_order.using(workflow_id=order.workflow_id).start(order.pk)
    durable.run_until_idle()
    return order


def status_of(order, durable):
    durable.run_until_idle()
    order.refresh_from_db()
    return order.status


def post_notice(page, order_id, body, secret="secret of the fraud check"):
    request = RequestFactory().post(
        "/",
        body if isinstance(body, str) else json.dumps(body),
        content_type="application/json",
        headers={"X-Webhook-Secret": secret},
    )
    return page.fraud_check_webhook(request, order_id)


@pytest.mark.parametrize(("answer", "status"), [("yes", "paid"), ("no", "cancelled")])
def test_a_view_sends_what_the_workflow_waits_for(page, order, durable, answer, status):
    response = page.judge_order(
        RequestFactory().post("/", {"answer": answer}), order.pk
    )

    assert response.status_code == 204
    assert status_of(order, durable) == status


def test_a_view_that_is_rolled_back_has_sent_nothing(page, order, durable):
    with transaction.atomic():
        page.judge_order(RequestFactory().post("/", {"answer": "yes"}), order.pk)
        transaction.set_rollback(True)

    assert status_of(order, durable) == "placed"
    assert Notification.objects.count() == 0


def test_the_webhook_sends_a_repeated_notice_once(page, order, durable):
    notice = {"event_id": "evt-1", "approved": True}

    responses = [post_notice(page, order.pk, notice) for _ in range(2)]

    assert [response.status_code for response in responses] == [202, 202]
    assert Notification.objects.count() == 1
    assert status_of(order, durable) == "paid"


@pytest.mark.parametrize(
    "body",
    [
        *("{", "[]", "null", "{}"),
        {"event_id": "evt-1"},
        {"event_id": "e" * 300, "approved": True},
    ],
)
def test_the_webhook_refuses_what_it_does_not_understand(page, order, body):
    assert post_notice(page, order.pk, body).status_code == 400


def test_the_webhook_refuses_strangers_and_unknown_orders(page, order):
    notice = {"event_id": "evt-1", "approved": True}

    assert post_notice(page, order.pk, notice, secret="guess").status_code == 403
    assert post_notice(page, order.pk + 1, notice).status_code == 404
    assert page.fraud_check_webhook(RequestFactory().get("/"), 1).status_code == 405


def test_a_verdict_that_comes_too_late_stays_unread(page, order, durable):
    durable.run_for(minutes=5)

    page.durable.send(order.workflow_id, {"approved": True}, "fraud_check")

    assert status_of(order, durable) == "cancelled"
    assert Notification.objects.get().consumed_by is None


def test_a_decision_comes_or_does_not(page, durable):
    decided, forgotten = (page.approve_purchase.start(what) for what in ("tea", "gold"))
    page.durable.send(decided, {"approved": True}, "decision")

    durable.run_for(hours=24)

    assert decided.get_result() == "tea: yes"
    assert forgotten.get_result() == "gold: nobody has decided"


def test_a_schema_shapes_the_message_and_ends_on_another_shape(page, durable):
    fitting, other = (page.judge_by_score.start(number) for number in (1, 2))
    page.durable.send(fitting, {"approved": True, "risk_score": 0.1}, "fraud_check")
    page.durable.send(other, {"approved": "perhaps"}, "fraud_check")

    durable.run_until_idle()

    assert fitting.get_result() is True
    with pytest.raises(ValueError, match="bool is expected"):
        other.get_result()


@pytest.mark.parametrize(
    ("topic", "outcome"),
    [
        ("approved", "1.0 is deployed"),
        ("withdrawn", "1.0 is withdrawn: too slow"),
        ("another", "1.0 was forgotten"),
    ],
)
def test_whichever_comes_first_decides(page, durable, topic, outcome):
    handle = page.deploy.start("1.0")
    durable.run_until_idle()

    page.durable.send(handle, "too slow", topic)
    durable.run_for(hours=1)

    assert handle.get_result() == outcome


def test_a_message_of_a_wait_that_lost_stays_unread(page, durable):
    handle = page.deploy.start("1.0")
    page.durable.send(handle, "", "withdrawn")
    page.durable.send(handle, "", "approved")

    durable.run_until_idle()

    assert handle.get_result() == "1.0 is deployed"  # The one that is named first.
    assert Notification.objects.get(consumed_by=None).topic == "withdrawn"


def test_tasks_are_handed_out_in_order(page, durable):
    handle = page.pack_parcels.start(["a", "b", "c", "d"], packers=2)

    durable.run_until_idle()

    assert handle.get_result() == [
        ["a is packed", "c is packed"],
        ["b is packed", "d is packed"],
    ]


def test_a_loop_keeps_its_variables_and_tidies_up(page, durable):
    handle = page.watch_room.start()
    messages = [
        {"type": "data", "celsius": 24},
        {"type": "config_update", "limit": 20},
        {"type": "data", "celsius": 24},
    ]
    for message in messages:
        page.durable.send(handle, message)
        durable.run_until_idle()

    durable.run_for(hours=2)
    page.durable.send(handle, {"type": "shutdown"})
    durable.run_until_idle()

    names = [step.name for step in row_of(handle).steps.all()]
    assert handle.get_result() == 1
    assert sum("tidy_up" in name for name in names) == 2


@pytest.mark.django_db(transaction=True)
def test_an_async_view_sends_too(page):
    handle = page.approve_purchase.start("tea")

    asyncio.run(page.durable.asend(handle, {"approved": True}, "decision"))

    assert Notification.objects.get().destination_id == handle.workflow_id


@pytest.mark.django_db(transaction=True)
def test_the_tests_of_the_page_pass(page):
    suite = unittest.defaultTestLoader.loadTestsFromModule(page)

    outcome = unittest.TestResult()
    suite.run(outcome)

    assert outcome.errors + outcome.failures == []
    assert outcome.testsRun == 2
