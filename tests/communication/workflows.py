"""Workflows that talk."""

import asyncio
from dataclasses import dataclass

from django.db import transaction as db_transaction

import django_durable as durable
from tests.models import Entry


@durable.workflow
def receiver(topic=None, count=1, timeout=None, **options):
    return [durable.recv(topic, timeout=timeout, **options) for _ in range(count)]


@durable.workflow
async def areceiver(topic=None, count=1, timeout=None, **options):
    found = []
    for _ in range(count):
        found.append(await durable.arecv(topic, timeout=timeout, **options))
    return found


@durable.workflow
def sender(destination, *messages, topic=None):
    for message in messages:
        durable.send(destination, message, topic)
    return len(messages)


@durable.workflow
async def asender(destination, *messages, topic=None):
    for message in messages:
        await durable.asend(destination, message, topic)
    return len(messages)


@durable.workflow
def sends_to_nobody():
    try:
        durable.send("nobody", 1)
    except durable.WorkflowNotFound as error:
        durable.sleep(1)
        return error.workflow_id


@durable.workflow
def sends_many(destination, *messages):
    durable.send_many([durable.Message(destination, each, "many") for each in messages])


@dataclass
class Payment:
    amount: int
    paid: bool = True


@durable.workflow
def takes_payment():
    payment = durable.recv("payment", schema=Payment)
    return [type(payment).__name__, payment.amount, payment.paid]


@durable.workflow
def publishes(**events):
    for key, value in events.items():
        durable.set_event(key, value)
    return durable.recv("end", timeout=3600, default="the end")


@durable.workflow
async def apublishes(**events):
    for key, value in events.items():
        await durable.aset_event(key, value)
    return await durable.arecv("end", timeout=3600, default="the end")


@durable.step
def set_inside(key, value, overwrite=True):
    durable.set_event(key, value, overwrite=overwrite)
    return durable.current().step_attempt


@durable.step(max_attempts=2, interval=0, jitter=False)
def set_again(key, *values):
    """Set an event, fail, and set it in the second attempt: to the next value."""
    attempt = durable.current().step_attempt
    durable.set_event(key, values[attempt - 1], overwrite=False)
    if attempt == 1:
        raise ConnectionError("once more")


@durable.workflow
def sets_again(key, *values):
    set_again(key, *values)


@durable.transaction
def set_in_transaction(key, value, fails=False, overwrite=True):
    Entry.objects.create(key=key)
    durable.set_event(key, value, overwrite=overwrite)
    if fails:
        raise ValueError("no")


@durable.workflow
def sets_from_steps(fails=False):
    set_inside("inside", 1)
    try:
        set_in_transaction("atomic", 2, fails)
    except ValueError:
        durable.set_event("failed", True)


@durable.workflow
def sets_once(key, *values, by_step=None):
    found = []
    for value in values:
        try:
            if by_step is None:
                durable.set_event(key, value, overwrite=False)
            else:
                BY_STEP[by_step](key, value, overwrite=False)
        except durable.EventAlreadySet as error:
            found.append(error.key)
    durable.sleep(1)
    return found


BY_STEP = {"step": set_inside, "transaction": set_in_transaction}


@durable.workflow
def reads_event(workflow_id, key, timeout=60, **options):
    return durable.get_event(workflow_id, key, timeout=timeout, **options)


@durable.workflow
async def areads_event(workflow_id, key, timeout=60, **options):
    return await durable.aget_event(workflow_id, key, timeout=timeout, **options)


@durable.workflow
def reads_twice(workflow_id, key):
    """Read a value, suspend, and answer with what the replay has read."""
    first = durable.get_event(workflow_id, key)
    everything = durable.get_events(workflow_id)
    durable.recv("go")
    return [first, everything]


@durable.workflow
def writes(key, values, closes=False, waits=False):
    for value in values:
        durable.write_stream(key, value)
    if closes:
        durable.close_stream(key)
    if waits:
        durable.recv("end")


@durable.workflow
async def awrites(key, values, closes=False, waits=False):
    for value in values:
        await durable.awrite_stream(key, value)
    if closes:
        await durable.aclose_stream(key)
    if waits:
        await durable.arecv("end")


@durable.step(max_attempts=2, interval=0, jitter=False)
def write_inside(key, values, fails=0, closes=False):
    attempt = durable.current().step_attempt
    for value in values:
        durable.write_stream(key, [attempt, value])
    if attempt <= fails:
        raise ValueError("no")
    if closes:
        durable.close_stream(key)


@durable.step(max_attempts=2, interval=0, jitter=False)
def close_and_fail(key, *values):
    """End a stream, and fail in the first attempt only."""
    for value in values:
        durable.write_stream(key, value)
    durable.close_stream(key)
    if durable.current().step_attempt == 1:
        raise ConnectionError("once more")


@durable.workflow
def closes_twice(key, *values):
    close_and_fail(key, *values)


@durable.step
async def awrite_inside(key, values):
    for value in values:
        await durable.awrite_stream(key, [1, value])


@durable.transaction
def write_in_transaction(key, values, fails=False):
    for value in values:
        durable.write_stream(key, [1, value])
    if fails:
        raise ValueError("no")


@durable.step
def write_beside_transaction(key, values, fails=False):
    try:
        with db_transaction.atomic():
            Entry.objects.create(key="beside")
            for value in values:
                durable.write_stream(key, [1, value])
            if fails:
                raise ValueError("no")
    except ValueError:
        pass


@durable.workflow
def writes_from_steps(key, values, kind="step", **options):
    try:
        WRITERS[kind](key, values, **options)
    except ValueError:
        durable.write_stream(key, "failed")


@durable.workflow
async def awrites_from_steps(key, values):
    await awrite_inside(key, values)


WRITERS = {
    "step": write_inside,
    "transaction": write_in_transaction,
    "beside": write_beside_transaction,
}


@durable.workflow
def writes_after_close(by_step):
    found = []
    durable.close_stream("s")
    for _ in range(2):
        try:
            if by_step:
                write_inside("s", [1, 2])
            else:
                durable.write_stream("s", 1)
        except durable.StreamClosed as error:
            found.append(error.key)
    durable.sleep(1)
    return found


@durable.workflow
def reads(workflow_id, key, offset=0, timeout=None):
    stream = durable.read_stream(workflow_id, key, offset=offset, timeout=timeout)
    values = list(stream)
    durable.sleep(1)
    return [values, stream.closed, stream.offset]


@durable.workflow
async def areads(workflow_id, key, offset=0, timeout=None):
    stream = durable.aread_stream(workflow_id, key, offset=offset, timeout=timeout)
    values = [value async for value in stream]
    await durable.asleep(1)
    return [values, stream.closed, stream.offset]


@durable.workflow
def races(other=None, seconds=10, topics=("a", "b")):
    waits = [durable.on_message(topic) for topic in topics]
    if other is not None:
        waits += [durable.on_event(other, "key"), durable.on_result(other)]
    if seconds is not None:
        waits.append(durable.on_timer(seconds))
    won, value = durable.first_of(*waits)
    durable.sleep(1)
    return [waits.index(won), value]


@durable.workflow
def races_events(other, *keys, seconds=None):
    waits = [durable.on_event(other, key) for key in keys]
    if seconds is not None:
        waits.append(durable.on_timer(seconds))
    won, value = durable.first_of(*waits)
    return [waits.index(won), value]


@durable.workflow
async def araces(topics=("a", "b"), seconds=10):
    waits = [durable.on_message(topic) for topic in topics]
    won, value = await durable.afirst_of(*waits, durable.on_timer(seconds))
    return [waits.index(won) if won in waits else "timer", value]


@durable.workflow
def fails():
    raise LookupError("gone")


@durable.workflow
async def branches_receive(topic, count):
    """Receive side by side: each message goes to one branch."""
    return await asyncio.gather(*(durable.arecv(topic) for _ in range(count)))
