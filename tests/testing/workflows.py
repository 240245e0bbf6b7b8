"""Workflows for the tests of the testing tools."""

import asyncio
from datetime import timedelta

from django.db import transaction

import django_durable as durable
from tests.models import Entry
from tests.workflows import calls


class Declined(Exception):
    """The bank says no."""


@durable.step(max_attempts=3, interval=3600, jitter=False)
def charge(amount):
    calls.append("charge")
    return amount * 2


@durable.step
async def acharge(amount):
    calls.append("acharge")
    return amount * 2


@durable.transaction
def enter(key):
    """Write a business row; say so when it is committed."""
    Entry.objects.create(key=key)
    transaction.on_commit(lambda: calls.append(f"committed {key}"))
    return key


@durable.transaction
def enter_and_fail(key):
    enter(key)
    raise Declined(key)


@durable.step
def enter_carelessly(key):
    """Write a business row where it can happen twice."""
    Entry.objects.create(key=f"{key} {Entry.objects.count()}")


@durable.workflow
def remind(days):
    """Wait for days between two steps."""
    charge(1)
    durable.sleep(timedelta(days=days))
    calls.append("awake")
    return enter("reminded")


@durable.workflow
async def aremind(days):
    """Do as ``remind`` does, in async code with two branches."""
    left, right = await asyncio.gather(acharge(1), acharge(2))
    await durable.asleep(timedelta(days=days))
    await enter.acall(f"reminded {left}")
    return left + right


@durable.workflow
def unfinished():
    return enter_and_fail("unfinished")


@durable.workflow
def double(number):
    return charge(number)


@durable.workflow
def family(number):
    """Start a child, call one, gather steps and children, wait for the first."""
    started = double.start(number)
    called = double(number)
    gathered = durable.gather(charge.bind(called), double.bind(called))
    return started.get_result(), gathered


@durable.workflow
def daily(days):
    """Do something every day, and say when it was done."""
    for _ in range(days):
        durable.sleep(timedelta(days=1))
        charge(1)
    return durable.now()


@durable.workflow
def careless(key):
    """Let a crash do the same thing twice."""
    charge(1)
    enter_carelessly(key)


@durable.workflow
def swallowing(key):
    """Catch whatever comes, the death of the process included."""
    try:
        enter(key)
    except BaseException:
        calls.append("caught")
    return charge(1)


@durable.workflow
def restless():
    """Never come to an end: start another one each time."""
    restless.start()


@durable.workflow
def echo(value):
    """Return a value as the serializer gives it back."""
    return durable.run_step(lambda: value)
