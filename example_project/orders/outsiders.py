"""The outside services that report back, played by a person in development."""

import django_durable as durable
from example_project.orders.models import Order

Status = Order.Status

# What can be reported of an order in a status: the button, the topic, the message.
ANSWERS: dict[str, dict[str, tuple[str, dict[str, bool]]]] = {
    Status.RESERVED: {
        "Fraud check: all is well": ("fraud_check", {"approved": True}),
        "Fraud check: suspicious": ("fraud_check", {"approved": False}),
    },
    Status.SHIPPED: {
        "Carrier: delivered": ("delivery", {"delivered": True}),
        "Carrier: nobody was there": ("delivery", {"delivered": False}),
    },
}


def answers_for(order: Order) -> list[str]:
    """Return what an outside service could report now."""
    return list(ANSWERS.get(order.status, {}))


def play(order: Order, answer: str) -> None:
    """Send what the webhook of the service would send."""
    topic, message = ANSWERS[order.status][answer]
    # Pressed twice, it is sent once.
    durable.send(order.workflow_id, message, topic, idempotency_key=f"played:{topic}")
