"""Rehearsals of concurrent lines: each comes to the end of its own history."""

import asyncio

import pytest

import django_durable as durable
from django_durable.execution.divergence import Difference
from tests.rehearsals.definitions import (
    acharge,
    areserve,
    charge,
    line_of,
    pay,
    reserve,
)

pytestmark = [pytest.mark.django_db, pytest.mark.once]


def gathering(*calls_):
    def body():
        durable.gather(*(call.bind() for call in calls_))
        durable.recv("go")

    return body


def test_each_branch_of_a_gather_is_compared(diverges):
    assert diverges(gathering(reserve, pay), gathering(reserve, pay)) is None

    found = diverges(gathering(reserve, pay), gathering(reserve, charge))

    assert (found.branch, found.step_id) == ("2", 1)
    assert (found.recorded, found.called, found.file) == ("pay", "charge", __file__)


def test_a_branch_that_is_gone_is_found(diverges):
    def waiting():
        durable.recv("go")
        durable.recv("go")

    found = diverges(gathering(reserve, pay), gathering(reserve))

    assert found.difference is Difference.LEFT_OVER
    assert (found.branch, found.recorded) == ("2", "pay")


def branching(*lines):
    async def body():
        async with asyncio.TaskGroup() as group:
            for line in lines:
                group.create_task(line())

    return body


async def first_line():
    await areserve()
    await durable.arecv("go")
    await acharge()


async def second_line():
    await durable.asleep(0)
    await areserve()
    await pay.acall()
    await durable.arecv("go")


async def second_line_reordered():
    await durable.asleep(0)
    await pay.acall()
    await areserve()
    await durable.arecv("go")


async def second_line_in_threads():
    await durable.asleep(0)
    await areserve()
    await asyncio.to_thread(pay)
    await asyncio.to_thread(durable.recv, "go")


def test_each_branch_of_async_code_comes_to_the_end_of_its_history(diverges):
    lines = first_line, second_line

    assert diverges(branching(*lines), branching(*lines)) is None
    in_threads = branching(first_line, second_line_in_threads)
    assert diverges(branching(*lines), in_threads) is None
    found = diverges(branching(*lines), branching(first_line, second_line_reordered))

    assert (found.branch, found.step_id) == ("2", 2)
    assert (found.recorded, found.called) == ("areserve", "pay")


def test_an_async_call_is_found_where_the_code_makes_it(diverges):
    async def old():
        await areserve()
        await durable.arecv("go")

    async def new():
        await acharge()
        await durable.arecv("go")

    found = diverges(old, new)

    assert (found.file, found.line) == (__file__, line_of(new, "await acharge"))


def test_async_code_that_ends_early_or_raises_is_found(diverges):
    async def old():
        await areserve()
        await durable.arecv("go")

    async def early():
        await areserve()

    async def raising():
        await areserve()
        raise LookupError("new")

    assert diverges(old, early).recorded == "recv(go)"
    assert diverges(old, raising).called == "builtins:LookupError"
