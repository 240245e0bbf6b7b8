"""How an order is fulfilled."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import django_durable as durable
from example_project.orders import services
from example_project.orders.catalogue import PRODUCTS
from example_project.orders.models import Order, OrderItem

# A machine looks at the order while the customer waits.
FRAUD_CHECK_PATIENCE = timedelta(minutes=5)
DELIVERY_PATIENCE = timedelta(days=7)


@durable.workflow(redact=("payment",))
def fulfil_order(
    order_id: int, customer: str, payment: str, items: dict[str, int]
) -> dict[str, Any]:
    """Take an order from the basket to the customer's door."""
    durable.logger.info("Fulfilling order %s", order_id)
    total = create_order(order_id, items)
    durable.set_summary(f"{customer}, {total} €")
    reservation = reserve_inventory(items)
    update_status(order_id, Order.Status.RESERVED, reservation=reservation)

    if objection := objection_to(order_id, total):
        release_inventory(reservation)
        update_status(order_id, Order.Status.CANCELLED)
        notify_customer(customer, f"Your order is cancelled: {objection}.")
        return {"status": "cancelled", "order_id": order_id, "reason": objection}

    try:
        charge = charge_customer(order_id, payment, total)
    except (services.PaymentDeclined, services.ServiceUnavailable) as error:
        release_inventory(reservation)
        update_status(order_id, Order.Status.PAYMENT_FAILED)
        durable.set_summary(f"{customer}, {total} €: not paid")
        return {"status": "failed", "order_id": order_id, "reason": str(error)}
    update_status(order_id, Order.Status.PAID, charge=charge)

    tracking = ship_order(order_id)
    durable.set_event("tracking_url", services.tracking_url(tracking))
    durable.set_summary(f"{customer}, {total} €: parcel {tracking}")
    update_status(order_id, Order.Status.SHIPPED, tracking=tracking)
    notify_customer(customer, f"Your parcel {tracking} is on its way.")

    delivery = follow_parcel(order_id, customer, tracking)
    return {
        "status": "completed",
        "order_id": order_id,
        "reservation": reservation,
        "charge": charge,
        "tracking": tracking,
        "delivery": delivery,
    }


def objection_to(order_id: int, total: Decimal) -> str:
    """Ask the fraud checker, and return what speaks against the order, if anything."""
    request_fraud_check(order_id, total)
    verdict = durable.recv("fraud_check", timeout=FRAUD_CHECK_PATIENCE, default=None)
    if verdict is None:
        return "the fraud check did not answer"
    return "" if verdict["approved"] else "the fraud check failed"


def follow_parcel(order_id: int, customer: str, tracking: str) -> str:
    """Wait for what the carrier reports, and return how the delivery went."""
    report = durable.recv("delivery", timeout=DELIVERY_PATIENCE, default=None)
    if report is None:
        inquire_after_parcel(tracking)
        update_status(order_id, Order.Status.MISSING)
        notify_customer(customer, f"We are looking for your parcel {tracking}.")
        return "missing"
    if not report["delivered"]:
        update_status(order_id, Order.Status.RETURNED)
        return "returned"
    update_status(order_id, Order.Status.DELIVERED)
    notify_customer(customer, f"Your parcel {tracking} has been delivered.")
    return "delivered"


@durable.transaction
def create_order(order_id: int, items: dict[str, int]) -> Decimal:
    """Write the lines of an order, at the prices of today, and return the total."""
    lines = [
        OrderItem(
            order_id=order_id,
            sku=sku,
            title=PRODUCTS[sku].title,
            price=PRODUCTS[sku].price,
            quantity=quantity,
        )
        for sku, quantity in items.items()
    ]
    total = sum((line.price * line.quantity for line in lines), Decimal(0))
    OrderItem.objects.bulk_create(lines)
    Order.objects.advance(order_id, Order.Status.CREATED, total=total)
    return total


@durable.transaction
def update_status(order_id: int, status: str, **changes: str) -> None:
    """Give an order its next status."""
    Order.objects.advance(order_id, status, **changes)


@durable.step
def reserve_inventory(items: dict[str, int]) -> str:
    """Put the goods aside."""
    return services.reserve(items, key=idempotency_key())


@durable.step
def release_inventory(reservation: str) -> None:
    """Put the goods back on the shelf."""
    services.release(reservation, key=idempotency_key())


@durable.step
def request_fraud_check(order_id: int, total: Decimal) -> None:
    """Ask for a verdict, which arrives as a message."""
    services.request_fraud_check(order_id, total, key=idempotency_key())


@durable.step(max_attempts=3, retry_on=(services.ServiceUnavailable,), interval=1)
def charge_customer(order_id: int, payment: str, total: Decimal) -> str:
    """Charge the customer's card, patiently while the bank is down."""
    return services.charge(order_id, payment, total, key=idempotency_key())


@durable.step
def ship_order(order_id: int) -> str:
    """Hand the parcel to the carrier."""
    return services.ship(order_id, key=idempotency_key())


@durable.step
def inquire_after_parcel(tracking: str) -> None:
    """Ask the carrier where the parcel is."""
    services.inquire(tracking, key=idempotency_key())


@durable.step
def notify_customer(customer: str, text: str) -> None:
    """Tell the customer."""
    services.notify(customer, text, key=idempotency_key())


def idempotency_key() -> str:
    """Return the key that stays the same however often this step is tried."""
    context = durable.current()
    if context is None or context.idempotency_key is None:
        raise RuntimeError("The services are called from steps of a workflow only.")
    return context.idempotency_key
