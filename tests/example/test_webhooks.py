"""The webhooks: who may post what, and that a repeated notice is sent once."""

import pytest
from django.test import Client

from django_durable.models import Notification
from example_project.orders.models import Order
from example_project.orders.workflows import fulfil_order

pytestmark = pytest.mark.django_db

VERDICT = {"event_id": "evt-1", "approved": True, "risk_score": 0.1}
REPORT = {"event_id": "evt-1", "delivered": True}
# The endless exponent is a number for JSON, and none for anybody else.
ILL_FORMED = [
    b"",
    b"{",
    b"\xff\xfe",
    b"[" * 100_000,
    "null",
    "[]",
    '"approved"',
    {},
    {"approved": True},
    {"event_id": "evt-1"},
    {"event_id": "", "approved": True},
    {"event_id": "a b", "approved": True},
    {"event_id": "evt\u0000", "approved": True},
    {"event_id": "e" * 101, "approved": True},
    {"event_id": {"id": 1}, "approved": True},
    {"event_id": "evt-1", "approved": "perhaps"},
    {"event_id": "evt-1", "approved": None},
    {"event_id": "evt-1", "approved": True, "risk_score": 2},
    {"event_id": "evt-1", "approved": True, "risk_score": "high"},
    '{"event_id": "evt-1", "approved": true, "risk_score": 1e999}',
    '{"event_id": "evt-1", "approved": true, "risk_score": NaN}',
    '{"event_id": "evt-1", "approved": true, "risk_score": 1%s}' % ("0" * 5000),
]


@pytest.fixture
def order():
    """Return an order with a workflow that nobody executes."""
    order = Order.objects.create(customer="Ada")
    fulfil_order.using(workflow_id=order.workflow_id).start(
        order.pk, "Ada", "good", {"tea": 1}
    )
    return order


def messages():
    return list(Notification.objects.order_by("id").values_list("topic", flat=True))


def test_a_verdict_is_sent_to_the_workflow_of_its_order(order, deliver):
    response = deliver(f"/webhooks/fraud-check/{order.pk}/", "fraud check", VERDICT)

    sent = Notification.objects.get()
    assert response.status_code == 202
    assert response.json() == {"accepted": "evt-1"}
    assert (sent.destination_id, sent.topic) == (order.workflow_id, "fraud_check")
    assert "evt-1" not in sent.message


def test_a_repeated_notice_is_accepted_and_sent_once(order, deliver):
    path = f"/webhooks/fraud-check/{order.pk}/"

    responses = [deliver(path, "fraud check", VERDICT) for _ in range(3)]

    assert [response.status_code for response in responses] == [202] * 3
    assert messages() == ["fraud_check"]


def test_a_notice_of_another_event_is_sent_too(order, deliver):
    path = f"/webhooks/fraud-check/{order.pk}/"

    deliver(path, "fraud check", VERDICT)
    deliver(path, "fraud check", {**VERDICT, "event_id": "evt-2"})

    assert messages() == ["fraud_check", "fraud_check"]


def test_two_senders_may_number_their_events_alike(order, deliver):
    deliver(f"/webhooks/fraud-check/{order.pk}/", "fraud check", VERDICT)
    deliver(f"/webhooks/carrier/{order.pk}/", "carrier", REPORT)

    assert messages() == ["fraud_check", "delivery"]


def test_a_notice_about_an_unknown_order_is_answered_with_404(deliver):
    response = deliver("/webhooks/carrier/404/", "carrier", REPORT)

    assert response.status_code == 404
    assert "order-404" in response.json()["error"]


@pytest.mark.parametrize("body", ILL_FORMED, ids=lambda body: str(body)[:40])
def test_an_ill_formed_notice_is_answered_with_400_and_not_sent(order, deliver, body):
    response = deliver(f"/webhooks/fraud-check/{order.pk}/", "fraud check", body)

    assert response.status_code == 400
    assert response.json().keys() <= {"error", "errors"}
    assert messages() == []


def test_only_posts_are_taken(order, client):
    response = client.get(f"/webhooks/fraud-check/{order.pk}/")

    assert response.status_code == 405


@pytest.mark.parametrize("secret", ["", "secret of the carrier", "geheim ü", "x" * 999])
def test_who_does_not_know_the_secret_is_refused(order, deliver, secret):
    path = f"/webhooks/fraud-check/{order.pk}/"

    response = deliver(path, "fraud check", VERDICT, **{"X-Webhook-Secret": secret})

    assert response.status_code == 403
    assert messages() == []


def test_a_sender_needs_no_csrf_token(order):
    response = Client(enforce_csrf_checks=True).post(
        f"/webhooks/carrier/{order.pk}/",
        REPORT,
        content_type="application/json",
        headers={"X-Webhook-Secret": "secret of the carrier"},
    )

    assert response.status_code == 202


def test_an_empty_secret_in_the_settings_lets_nobody_in(order, deliver, settings):
    settings.WEBHOOK_SECRETS = {"carrier": ""}
    path = f"/webhooks/carrier/{order.pk}/"

    response = deliver(path, "carrier", REPORT, **{"X-Webhook-Secret": ""})

    assert response.status_code == 403
