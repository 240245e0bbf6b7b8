"""What the crash tests run."""

import asyncio
from datetime import timedelta
from typing import Any

from django.db import transaction

import django_durable as durable
from tests.crash.ledger import ledger
from tests.models import Entry

HOUR = timedelta(hours=1)


@durable.step
def add(a: int, b: int) -> int:
    ledger.effect("add")
    return a + b


@durable.step
async def aadd(a: int, b: int) -> int:
    await ledger.aeffect("aadd")
    return a + b


@durable.step
def show(values: list[Any]) -> list[Any]:
    ledger.effect("show")
    return values


@durable.transaction
def enter(key: str) -> str:
    Entry.objects.create(key=key)
    ledger.effect("enter")
    with transaction.atomic():  # A savepoint.
        Entry.objects.filter(key=key).update(note="entered")
    return key


@durable.step(max_attempts=3, interval=60, jitter=False)
def wobble() -> int:
    ledger.effect("wobble")
    if durable.current().step_attempt == 1:
        raise ConnectionError("wobbled")
    return durable.current().step_attempt


@durable.step(atomic=True, max_attempts=2, interval=60, jitter=False)
def enter_on_second_try(key: str) -> str:
    Entry.objects.create(key=key)
    ledger.effect("enter_on_second_try")
    if durable.current().step_attempt == 1:
        raise ConnectionError("the first line must not stay")
    return key


@durable.step
def refuse() -> None:
    ledger.effect("refuse")
    raise LookupError("refused")


@durable.workflow
def nothing() -> None:
    ledger.effect("nothing")


@durable.workflow
def steps() -> int:
    return add(add(1, 2), 3)


@durable.workflow
def transactions() -> str:
    return enter("one") + enter("two")


@durable.workflow
def retries() -> list[Any]:
    return [wobble(), enter_on_second_try("second")]


@durable.workflow
def sleeper() -> str:
    add(1, 1)
    durable.sleep(HOUR)
    return enter("slept")


@durable.workflow
def leaf(key: str) -> str:
    return enter(key)


@durable.workflow
def busy_leaf(key: str) -> str:
    add(1, 2)
    return enter(key)


@durable.workflow
def caller() -> list[str]:
    return [busy_leaf("called"), enter("caller")]


@durable.workflow
def short_caller() -> str:
    return leaf("below")


@durable.workflow
def starter() -> list[str]:
    child = leaf.start("started")
    enter("starter")
    return [child.get_result(), enter("after")]


@durable.workflow
def gatherer() -> list[Any]:
    return durable.gather(
        add.bind(1, 2), enter.bind("gathered"), leaf.bind("below"), wobble.bind()
    )


@durable.workflow
def values() -> bool:
    made = [durable.now(), durable.uuid4(), durable.random()]
    return show(made) == show(made) == made


@durable.workflow
async def branches() -> list[Any]:
    async def line(number: int) -> int:
        first = await aadd(number, 1)
        await enter.acall(f"line {number}")
        return await aadd(first, 1)

    done = await asyncio.gather(line(1), line(2))
    return [*done, await aadd(*done)]


@durable.workflow
async def sleeping_branches() -> list[Any]:
    async def sleep() -> str:
        await durable.asleep(HOUR)
        return await enter.acall("slept")

    async def call() -> str:
        await aadd(1, 2)
        return await leaf.acall("called")

    return await asyncio.gather(sleep(), call())


@durable.workflow
def waiter(workflow_id: str) -> list[str]:
    other = durable.retrieve_workflow(workflow_id)
    try:
        other.get_result(timeout=HOUR / 2)
    except durable.WaitTimeout:
        enter("too early")
    return [other.get_result(), enter("woken")]


@durable.workflow
def napper() -> str:
    durable.sleep(HOUR)
    return enter("slept")


@durable.workflow
def family() -> str:
    enter("parent")
    child = napper.start()
    return child.get_result() + enter("late")


@durable.workflow
def cancelled_at_the_end() -> str:
    enter("before")
    ledger.effect("at the end")
    return "finished"


@durable.workflow
def error() -> None:
    enter("kept")
    try:
        refuse()
    except LookupError:
        add(1, 2)
    raise ValueError("it went wrong")
