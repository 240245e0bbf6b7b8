"""Workflows that the tests' clients know by name only."""

import os

import django_durable as durable


class PaymentDeclined(Exception):
    """A class that no client has."""


@durable.step
def where_am_i():
    return os.getpid()


@durable.schedule("0 0 29 2 *", name="shop.leap", time_zone="UTC", args=[7])
@durable.workflow(name="shop.double")
def double(number, *, plus=0):
    return [2 * number + plus, where_am_i()]


@durable.workflow(name="shop.decline")
def decline(is_known):
    raise (ValueError if is_known else PaymentDeclined)("no funds")


@durable.workflow(name="shop.nap")
def nap(seconds):
    durable.sleep(seconds)
    return "rested"


@durable.workflow(name="shop.checkout")
def checkout(order_id):
    """Tell where to pay, wait for the payment, count the parcels."""
    durable.set_event("payment_url", f"https://pay.example/{order_id}")
    payment = durable.recv("payment", timeout=30)
    for number in range(3):
        durable.write_stream("parcels", {"parcel": number})
    durable.close_stream("parcels")
    durable.set_event("status", "packed")
    return payment["amount"]


@durable.workflow(name="shop.inbox")
def inbox(number):
    """Return so many messages, in the order of their arrival."""
    return [durable.recv(timeout=30) for _ in range(number)]


@durable.workflow(name="shop.approve")
async def approve(request_id):
    return await durable.arecv("approval", timeout=30)
