"""How many plain tests of workflows run in a second?

Each is a ``TestCase`` in which a workflow starts, waits for three days of virtual
time and ends: in turn a sync one, an async one, one with children, and one whose
step fails twice. The limit is as many tests that do nothing at all.
"""

import asyncio
import time
import unittest
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from django.test import TestCase

import django_durable as durable
from benchmarks.rounds import Case
from benchmarks.workflows import anothing, nothing
from django_durable.models import Step, Wait, Workflow
from django_durable.testing import fail_step, run_until_idle, virtual_time

THREE_DAYS = timedelta(days=3)


@durable.step(max_attempts=3, interval=3600)
def flaky() -> None:
    """Do nothing, if the test lets it."""


@durable.workflow
def waits() -> None:
    """Wait between two steps."""
    nothing()
    durable.sleep(THREE_DAYS)
    nothing()


@durable.workflow
async def awaits() -> None:
    """Wait between two branches and a step."""
    await asyncio.gather(anothing(), anothing())
    await durable.asleep(THREE_DAYS)
    await anothing()


@durable.workflow
def has_children() -> None:
    """Start a child that waits, and wait for it."""
    started = waits.start()
    nothing()
    started.get_result()


@durable.workflow
def retries() -> None:
    """Wait after a step that needs three attempts."""
    flaky()
    durable.sleep(THREE_DAYS)


def cases(*, quick: bool, peer: str | None = None) -> Iterator[Case]:
    """Return what to measure."""
    number = 100 if quick else 1000
    yield Case(
        "plain tests of a workflow",
        "tests/s",
        lambda: tests_per_second(_workflow, number),
        lambda: tests_per_second(_nothing, number),
    )


def tests_per_second(test: Callable[[int], object], number: int) -> float:
    """Run tests as a runner does; they must pass and leave nothing behind."""
    methods: dict[str, Any] = {
        f"test_{n}": lambda self, n=n: test(n) for n in range(number)
    }
    case = type("Plain", (TestCase,), methods)
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(case)
    started_at, result = time.perf_counter(), unittest.TestResult()
    suite.run(result)
    seconds = time.perf_counter() - started_at
    assert result.testsRun == number, result
    assert not result.errors + result.failures, result.errors + result.failures
    for model in (Workflow, Step, Wait):
        assert not model.objects.exists(), model
    return number / seconds


def _nothing(number: int) -> None:
    """Be a test."""


def _workflow(number: int) -> None:
    definition = (waits, awaits, has_children, retries)[number % 4]
    with virtual_time() as clock:
        handle = definition.start()
        if definition is retries:
            with fail_step(flaky, ValueError, times=2):
                clock.run_for(hours=8)
        run_until_idle()
        clock.advance(THREE_DAYS)
        run_until_idle()
    assert handle.get_status() == "SUCCESS"
