"""What the tests of the example project have in common."""

import json

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from example_project.orders.models import Order
from example_project.orders.workflows import fulfil_order

BASKET = {"kettle": 1, "tea": 2}


@pytest.fixture
def deliver(client):
    """Return a function that posts a notice to a webhook, as its sender does."""

    def post(path, sender, notice, **headers):
        headers = {"X-Webhook-Secret": f"secret of the {sender}", **headers}
        body = notice if isinstance(notice, str | bytes) else json.dumps(notice)
        return client.post(path, body, content_type="application/json", headers=headers)

    return post


@pytest.fixture
def staff(db):
    """Return the browser of a member of the staff."""
    user = get_user_model().objects.create_user("grace", is_staff=True)
    browser = Client()
    browser.force_login(user)
    return browser


class Shop:
    """Orders in virtual time, and the services that report back about them."""

    def __init__(self, durable, deliver):
        self.durable = durable
        self._deliver = deliver

    def place(self, **fields):
        """Return an order that waits for its fraud check."""
        order = Order.objects.create(customer="Ada", **fields)
        # A choice becomes the plain text that a workflow's arguments may be.
        order.refresh_from_db()
        self.handle = self.start(order)
        return self.seen(order)

    def start(self, order):
        """Start the workflow of an order, as its view does."""
        return fulfil_order.using(workflow_id=order.workflow_id).start(
            order.pk, order.customer, order.payment, BASKET
        )

    def judge(self, order, *, approved=True, event_id="verdict-1"):
        """Let the fraud checker report, and the shop go on."""
        notice = {"event_id": event_id, "approved": approved}
        self._deliver(f"/webhooks/fraud-check/{order.pk}/", "fraud check", notice)
        return self.seen(order)

    def deliver(self, order, *, delivered=True, event_id="delivery-1"):
        """Let the carrier report, and the shop go on."""
        notice = {"event_id": event_id, "delivered": delivered}
        self._deliver(f"/webhooks/carrier/{order.pk}/", "carrier", notice)
        return self.seen(order)

    def fulfil(self, **fields):
        """Return an order that has come to the end, whatever there was to wait for."""
        order = self.judge(self.place(**fields))
        self.durable.run_for(minutes=1)  # For a bank that is down.
        return self.deliver(order)

    def seen(self, order):
        """Run what is due, and return the order as it is then."""
        self.durable.run_until_idle()
        order.refresh_from_db()
        return order


@pytest.fixture
def shop(durable, deliver):
    """Return a shop in virtual time."""
    return Shop(durable, deliver)
