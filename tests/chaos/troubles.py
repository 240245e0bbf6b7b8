"""Workflows that meet trouble: with the database, with others, with themselves."""

import asyncio
import time
from contextlib import ExitStack, suppress

from django.db import OperationalError
from django.db.models import F

import django_durable as durable
from django_durable.models.connection import private_connection
from tests.chaos.workflows import long_steps
from tests.journeys import ledger
from tests.journeys.workflows import aleaf, awork, enter, leaf, work
from tests.models import Account, Entry


@durable.step(max_attempts=2, interval=0.01, jitter=False)
def stumble(number):
    with ledger.call():
        if durable.current().step_attempt == 1:
            raise LookupError("the first time")
    return number + 1


@durable.workflow
def stumbling(number):
    """Fail once, and try again."""
    return stumble(number)


@durable.workflow
def starting(number):
    """Start a child and wait for it."""
    return leaf.start(number).get_result()


@durable.workflow
async def astarting(number):
    """Do as ``starting`` does, in async code."""
    return await (await aleaf.astart(number)).aget_result()


@durable.workflow
def calling(number):
    """Run a child here."""
    return enter(leaf(number))


@durable.workflow
async def acalling(number):
    """Do as ``calling`` does, in async code."""
    return await enter.acall(await aleaf(number))


@durable.workflow
def waiting(number):
    """Wait for a child that takes its time, but not for ever."""
    return long_steps.start(number, 0.5).get_result(timeout=30)


@durable.step
def hoard(gate):
    """Take every connection that is to be had, until the test opens a gate."""
    with ledger.call(), ExitStack() as taken:
        while not ledger.is_open(gate):
            connection = private_connection("default")
            try:
                connection.ensure_connection()
            except OperationalError:
                time.sleep(0.01)
            else:
                taken.callback(connection.close)
    return gate


@durable.workflow
def hoarding(gate):
    """Let nobody else have a connection."""
    return hoard(gate)


@durable.transaction
def transfer(giver, taker):
    """Move one from an account to another; locks their rows in the order given."""
    with ledger.call():
        key = durable.current().idempotency_key
        Entry.objects.create(key=key, note=ledger.claim())
        for pk, amount in ((giver, -1), (taker, 1)):
            rows = Account.objects.filter(pk=pk)
            rows.update(balance=F("balance") + amount)
            time.sleep(0.01)


@durable.workflow
def paying(giver, taker):
    """Pay twice."""
    transfer(giver, taker)
    transfer(giver, taker)


@durable.workflow
def family(number):
    """Start three children, and wait for all."""
    children = [leaf.start(number + n) for n in range(3)]
    first = enter(number)
    return [first, *(child.get_result() for child in children)]


@durable.step
async def drowse(seconds):
    """Take long, and leave no trace: a test may cancel it."""
    await asyncio.sleep(seconds)


@durable.step
async def grumble(number):
    with ledger.call():
        await asyncio.sleep(0)
    raise LookupError(number)


@durable.step
async def hurry(seconds):
    with ledger.call(), suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.sleep(60)
    return "too late"


@durable.step
async def block(gate):
    """Let nothing else happen on this event loop until the test opens a gate."""
    with ledger.call():
        ledger.pass_gate(gate)
    return gate


async def two_steps(number):
    await drowse(60)
    return await awork(number)


@durable.workflow
async def cancelling(number):
    """Cancel a branch in the middle of its step."""
    task = asyncio.create_task(two_steps(number))
    number = await awork(number)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return await enter.acall(number)


@durable.workflow
async def quarrelling(number):
    """Have one branch fail while another one is in the middle of its step."""
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(two_steps(number))
            group.create_task(grumble(number))
    except* LookupError:
        number = await awork(number)
    return await enter.acall(number)


async def run_out_of_time():
    with suppress(TimeoutError):
        async with asyncio.timeout(0.01):
            await drowse(60)


@durable.workflow
async def hurrying(number):
    """Run out of time in a step, and around one."""
    late, _ = await asyncio.gather(hurry(0.01), run_out_of_time())
    return late, await enter.acall(number)


@durable.workflow
async def threading(number):
    """Call sync steps from async code, side by side."""
    numbers = await asyncio.gather(work(number), enter(number), work(number))
    return sum(numbers) + await enter(await work(number))


@durable.workflow
async def crowding(count):
    """Take very many steps at once."""
    return sum(await asyncio.gather(*(awork(n, 0) for n in range(count))))


@durable.workflow
async def blocking(gate):
    """Block the event loop of the worker."""
    return await block(gate)
