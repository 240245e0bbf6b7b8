"""Workflows that worker processes execute; every call of a step is in the ledger."""

import asyncio
import os
import signal
import time

import django_durable as durable
from tests.journeys import ledger
from tests.models import Entry


@durable.step
def work(number, seconds=0.02):
    with ledger.call():
        time.sleep(seconds)
    return number + 1


@durable.step
async def awork(number, seconds=0.02):
    with ledger.call():
        await asyncio.sleep(seconds)
    return number + 1


@durable.transaction
def enter(number):
    """Write a business row under the name of this very step."""
    with ledger.call():
        Entry.objects.create(key=durable.current().idempotency_key, note=ledger.claim())
    return number + 1


@durable.workflow
def leaf(number):
    return enter(work(number))


@durable.workflow
async def aleaf(number):
    return await enter.acall(await awork(number))


@durable.workflow
def mixed(number, nap):
    """Use everything: steps, a transaction, sleeps, children of both kinds."""
    started = leaf.start(number)
    number = enter(work(number))
    durable.sleep(nap)
    number = leaf(number)
    left, right = durable.gather(work.bind(number), leaf.bind(number))
    durable.sleep(nap / 10)
    return started.get_result(), number, left, work(right)


@durable.workflow
async def amixed(number, nap):
    """Do as ``mixed`` does, in async code."""
    started = await aleaf.astart(number)
    number = await enter.acall(await awork(number))
    await durable.asleep(nap)
    number = await aleaf(number)
    left, right = await asyncio.gather(awork(number), aleaf(number))
    await durable.asleep(nap / 10)
    return await started.aget_result(), number, left, await awork(right)


def mixed_result(number):
    """Return what ``mixed`` and ``amixed`` make of a number, in plain arithmetic."""
    return number + 2, number + 4, number + 5, number + 7


@durable.step
def hold(gate):
    """Take until the test opens a gate."""
    with ledger.call():
        ledger.pass_gate(gate)
    return gate


@durable.step
async def ahold(gate):
    with ledger.call():
        while not ledger.is_open(gate):
            await asyncio.sleep(0.01)
    return gate


@durable.transaction
def enter_and_hold(gate):
    with ledger.call():
        Entry.objects.create(key=durable.current().idempotency_key, note=ledger.claim())
        ledger.pass_gate(gate)
    return gate


@durable.workflow
def held(gate):
    """One step that takes its time, between two that do not."""
    return work(0), hold(gate), work(1)


@durable.workflow
async def aheld(gate):
    return await awork(0), await ahold(gate), await awork(1)


@durable.workflow
async def aheld_in_thread(gate):
    return await work(0), await hold(gate), await work(1)


@durable.workflow
def held_in_transaction(gate):
    return work(0), enter_and_hold(gate), work(1)


@durable.workflow
def nap(seconds):
    durable.sleep(seconds)
    return work(0)


@durable.workflow
async def anap(seconds):
    await durable.asleep(seconds)
    return await enter(await awork(0))


@durable.step
def drink():
    """Kill the process that runs it, one way or the other, until it is healed."""
    with ledger.call():
        if not ledger.is_open("antidote"):
            number = len(ledger.Ledger(ledger.directory()).calls())
            if number % 2:
                os._exit(139)
            os.kill(os.getpid(), signal.SIGKILL)
    return "survived"


@durable.workflow(max_recovery_attempts=2)
def poisoned():
    """Die in its only step."""
    return drink()


@durable.step
async def block():
    """Block the event loop, as no async step should."""
    with ledger.call():
        time.sleep(30)


@durable.workflow
async def stuck(_):
    await awork(0)
    await block()
