"""What is measured: workflows of steps that do nothing, and workflows that talk."""

import asyncio
import os
import time
from datetime import datetime
from time import perf_counter

from django.db.models import F

import django_durable as durable
from benchmarks.models import Account
from django_durable import clock

# Between two measurements: whoever waits, waits again by then.
PAUSE_SECONDS = 0.012


@durable.step
def nothing() -> None:
    """Do nothing, durably."""


@durable.step
async def anothing() -> None:
    """Do nothing, durably."""


@durable.workflow
def in_sequence(steps: int) -> None:
    """Take steps one after the other."""
    for _ in range(steps):
        nothing()


@durable.workflow
async def ain_sequence(steps: int) -> None:
    """Take async steps one after the other."""
    for _ in range(steps):
        await anothing()


@durable.transaction
def deposit(account: int) -> None:
    """Change a row of the application."""
    Account.objects.filter(pk=account).update(balance=F("balance") + 1)


@durable.workflow
def deposits(account: int, times: int) -> None:
    """Take transactions one after the other."""
    for _ in range(times):
        deposit(account)


@durable.step
async def hangs_the_first_time() -> None:
    """Not return in a process that is to be killed."""
    if os.environ.get("BENCHMARK_HANGS"):
        await asyncio.sleep(3600)


@durable.workflow
async def half_done() -> None:
    """Take ten steps, of which a doomed process completes five."""
    for _ in range(5):
        await anothing()
    await hangs_the_first_time()
    for _ in range(4):
        await anothing()


@durable.workflow
def sleeps(until: datetime) -> float:
    """Return how late it woke, in seconds."""
    durable.sleep_until(until)
    return (clock.now() - until).total_seconds()


@durable.workflow
async def asleeps(until: datetime) -> float:
    """See sleeps()."""
    await durable.asleep_until(until)
    return (clock.now() - until).total_seconds()


@durable.workflow
def has_a_past(steps: int, times: int) -> None:
    """Be replayed with every message."""
    for _ in range(steps):
        nothing()
    for _ in range(times):
        durable.recv()


@durable.workflow
def receives(times: int) -> list[float]:
    """Return when each message had arrived: all processes read one clock."""
    return [_moment_of(durable.recv()) for _ in range(times)]


@durable.workflow
async def areceives(times: int) -> list[float]:
    """See receives()."""
    return [_moment_of(await durable.arecv()) for _ in range(times)]


@durable.workflow
def plays(other: str, times: int, serves: bool) -> list[float]:
    """Play ping-pong; return when each ball had arrived."""
    moments = []
    for number in range(times):
        if serves:
            durable.send(other, number)
        moments.append(_moment_of(durable.recv()))
        if not serves:
            durable.send(other, number)
    return moments


@durable.workflow
async def aplays(other: str, times: int, serves: bool) -> list[float]:
    """See plays()."""
    moments = []
    for number in range(times):
        if serves:
            await durable.asend(other, number)
        moments.append(_moment_of(await durable.arecv()))
        if not serves:
            await durable.asend(other, number)
    return moments


@durable.workflow
def sets_events(times: int) -> None:
    """Tell the time under one key after the other."""
    for number in range(times):
        durable.set_event(str(number), _moment_after_a_pause())


@durable.workflow
def writes_slowly(times: int) -> None:
    """Tell the time in a stream."""
    for _ in range(times):
        durable.write_stream("moments", _moment_after_a_pause())


@durable.workflow
def writes(values: int) -> None:
    """Write a stream from the body."""
    for number in range(values):
        durable.write_stream("values", number)


@durable.step
def write_slowly(times: int) -> None:
    """Tell the time in a stream, from a step."""
    for _ in range(times):
        durable.write_stream("moments", _moment_after_a_pause(), flush=True)


@durable.workflow
def writes_slowly_inside(times: int) -> None:
    """Have a step tell the time in a stream."""
    write_slowly(times)


@durable.step
def write_inside(values: int) -> None:
    """Write a stream from a step."""
    for number in range(values):
        durable.write_stream("values", number)


@durable.workflow
def writes_inside(values: int) -> None:
    """Have a step write a stream."""
    write_inside(values)


@durable.workflow
def writes_at_once(writers: int, values: int) -> None:
    """Have several steps write one stream."""
    durable.gather(*(write_inside.bind(values) for _ in range(writers)))


@durable.workflow
async def awrites_at_once(writers: int, values: int) -> None:
    """See writes_at_once()."""
    await asyncio.gather(*(awrite_inside(values) for _ in range(writers)))


@durable.step
async def awrite_inside(values: int) -> None:
    """See write_inside()."""
    for number in range(values):
        await durable.awrite_stream("values", number)


@durable.workflow
async def awrites_inside(values: int) -> None:
    """See writes_inside()."""
    await awrite_inside(values)


def _moment_of(_: object) -> float:
    return perf_counter()  # durable: ignore


def _moment_after_a_pause() -> float:
    time.sleep(PAUSE_SECONDS)  # durable: ignore
    return perf_counter()  # durable: ignore
