"""Definitions that the tests run."""

import django_durable as durable
from tests.models import Entry

calls: list[object] = []


@durable.step
def add(a, b):
    calls.append(("add", a, b))
    return a + b


@durable.step
async def aadd(a, b):
    calls.append(("aadd", a, b))
    return a + b


@durable.step
def fail(message):
    calls.append(("fail", message))
    raise ValueError(message)


@durable.transaction
def enter(key, note=""):
    """Write a line into the ledger, exactly once."""
    calls.append(("enter", key))
    return Entry.objects.create(key=key, note=note).pk


@durable.workflow
def total(*numbers):
    """Add numbers, one step each."""
    result = 0
    for number in numbers:
        result = add(result, number)
    return result


@durable.workflow
async def atotal(*numbers):
    """Add numbers, one async step each."""
    result = 0
    for number in numbers:
        result = await aadd(result, number)
    return result


@durable.workflow
def book(key):
    """One step, one transaction, one child."""
    number = add(1, 2)
    enter(key, str(number))
    return total(number, 4)
