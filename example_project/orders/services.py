"""Simulated services outside the shop: inventory, fraud check, payment, shipping, …

Each writes every call into its ledger, takes a while, and answers. A call that
repeats an idempotency key gets the answer of the first one and has no effect of its
own, as with any good payment service.
"""

import hashlib
import time
from decimal import Decimal

from django.conf import settings

from example_project.orders.models import Order, ServiceCall


class PaymentDeclined(Exception):
    """The bank has answered, and the answer is no."""


class ServiceUnavailable(Exception):
    """The service did not answer: asking again later may help."""


def reserve(items: dict[str, int], *, key: str) -> str:
    """Put goods aside and return the number of the reservation."""
    wanted = ", ".join(f"{quantity} {sku}" for sku, quantity in items.items())
    return _answer(_call("inventory", f"reserve {wanted}", key), "RES")


def release(reservation: str, *, key: str) -> None:
    """Put reserved goods back on the shelf."""
    _answer(_call("inventory", f"release {reservation}", key), "REL")


def request_fraud_check(order_id: int, amount: Decimal, *, key: str) -> None:
    """Have an order looked at; the verdict comes later, by a webhook."""
    request = f"check order {order_id} of {amount}"
    _answer(_call("fraud check", request, key), "CHK")


def charge(order_id: int, payment: str, amount: Decimal, *, key: str) -> str:
    """Take money from a customer's card and return the number of the charge."""
    call = _call("payment", f"charge {amount} for order {order_id}", key)
    if payment == Order.Payment.REFUSED:
        _write_answer(call, "refused")
        raise PaymentDeclined(f"The card was refused for {amount}.")
    if payment == Order.Payment.FLAKY and _earlier_calls(call) < 2:
        raise ServiceUnavailable("The bank does not answer.")
    return _answer(call, "CHG")


def ship(order_id: int, *, key: str) -> str:
    """Hand a parcel to the carrier and return its tracking number."""
    return _answer(_call("shipping", f"ship order {order_id}", key), "TRK")


def tracking_url(tracking: str) -> str:
    """Return the page on which a customer can follow a parcel."""
    return f"https://carrier.example/parcels/{tracking}"


def inquire(tracking: str, *, key: str) -> None:
    """Ask the carrier to look for a parcel."""
    _answer(_call("shipping", f"inquire after {tracking}", key), "INQ")


def notify(customer: str, text: str, *, key: str) -> None:
    """Send a message to a customer."""
    _answer(_call("notification", f"tell {customer}: {text}", key), "MSG")


def _call(service: str, request: str, key: str) -> ServiceCall:
    call = ServiceCall.objects.create(
        service=service, request=request, idempotency_key=key
    )
    time.sleep(settings.ORDERS_SERVICE_DELAY)
    return call


def _earlier_calls(call: ServiceCall) -> int:
    same = ServiceCall.objects.filter(idempotency_key=call.idempotency_key)
    return same.filter(pk__lt=call.pk).count()


def _answer(call: ServiceCall, prefix: str) -> str:
    # The same key gets the same number: that is what makes a repetition harmless.
    digest = hashlib.sha256(call.idempotency_key.encode()).hexdigest()
    return _write_answer(call, f"{prefix}-{digest[:8].upper()}")


def _write_answer(call: ServiceCall, answer: str) -> str:
    call.answer = answer
    call.save(update_fields=["answer"])
    return answer
