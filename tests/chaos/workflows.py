"""What runs while workers die: every call in the ledger, results by arithmetic."""

import os
import time

import django_durable as durable
from tests.journeys import ledger
from tests.journeys.workflows import aleaf, awork, enter, leaf, work

NAP = 0.05


@durable.workflow
def journey(number, has_child):
    """Two transactions, two effects outside, a sleep, and a child or a value."""
    number = work(enter(number))
    durable.sleep(NAP)
    if has_child:
        number = leaf.start(number).get_result()
    else:
        durable.uuid4()
    return enter(work(number))


@durable.workflow
async def ajourney(number, has_child):
    """Do as ``journey`` does, in async code."""
    number = await awork(await enter.acall(number))
    await durable.asleep(NAP)
    if has_child:
        number = await (await aleaf.astart(number)).aget_result()
    else:
        await durable.auuid4()
    return await enter.acall(await awork(number))


@durable.workflow
def long_steps(number, seconds):
    """Take some time in the first step."""
    return enter(work(number, seconds))


@durable.workflow
async def along_steps(number, seconds):
    """Do as ``long_steps`` does, in async code."""
    return await enter.acall(await awork(number, seconds))


@durable.workflow
def doze(moment):
    """Sleep until a moment, and hold nothing meanwhile."""
    durable.sleep_until(moment)


@durable.workflow
async def adoze(moment):
    """Do as ``doze`` does, in async code."""
    await durable.asleep_until(moment)


@durable.step
def look_at_stopwatch():
    """Return seconds that all processes of a machine count alike."""
    with ledger.call():
        return time.monotonic()


@durable.workflow
def nap(seconds):
    """Sleep, and tell how long that was."""
    before = look_at_stopwatch()
    durable.sleep(seconds)
    return look_at_stopwatch() - before


@durable.workflow
async def anap(seconds):
    """Do as ``nap`` does, in async code."""
    before = await look_at_stopwatch()
    await durable.asleep(seconds)
    return await look_at_stopwatch() - before


@durable.workflow
def report(number):
    """Say something before, in, and after what is done."""
    durable.write_stream("log", number)
    number = tell(enter(number))
    durable.set_event("state", number)
    durable.write_stream("log", number)
    durable.close_stream("log")
    return enter(work(number))


@durable.step
def tell(number):
    """Speak from the inside of a step."""
    with ledger.call():
        durable.write_stream("log", "inside")
        durable.set_event("state", "inside")
    return number + 1


def report_result(number):
    """Return what ``report`` makes of a number."""
    return number + 4


def journey_result(number, has_child):
    """Return what ``journey`` and ``ajourney`` make of a number."""
    return number + (6 if has_child else 4)


@durable.workflow
def tick(scheduled_at):
    """Write one row for a moment that has come."""
    return enter(scheduled_at.second)


# Of other experiments, nothing may begin by itself.
for number in range(int(os.environ.get("CHAOS_SCHEDULES", 0))):
    options = {"time_zone": "Europe/Berlin", "overlap": "allow", "catch_up": "all"}
    durable.schedule("* * * * * *", name=f"ticking-{number}", **options)(tick)
