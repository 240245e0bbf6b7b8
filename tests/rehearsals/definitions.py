"""A workflow, and what a deploy may make of it."""

import dataclasses
import inspect
from pathlib import Path

import django_durable as durable
from tests.models import Entry
from tests.workflows import calls

NAME = "rehearsed.deployed"
HERE = str(Path(__file__))
is_rehearsing = {"now": False}


def line_of(function, text):
    """Return the number of a line in a function."""
    lines, first = inspect.getsourcelines(function)
    return first + next(n for n, line in enumerate(lines) if text in line)


def note(name):
    """Do what a step does: never in a rehearsal."""
    assert not is_rehearsing["now"], f"{name} was executed in a rehearsal"
    calls.append(name)


@durable.step(name="reserve")
def reserve():
    note("reserve")
    return {"item": 1}


@durable.step(name="charge", max_attempts=3)
def charge():
    note("charge")


@durable.transaction(name="pay")
def pay():
    note("pay")
    Entry.objects.create(key="paid")


@durable.step(name="refuse")
def refuse():
    raise ValueError("refused")


@durable.step(name="areserve")
async def areserve():
    note("areserve")


@durable.step(name="acharge")
async def acharge():
    note("acharge")


@durable.workflow(name="rehearsed.child")
def child():
    reserve()
    durable.recv("go")


@dataclasses.dataclass
class Unknown:
    number: int


# A workflow, and what a deploy may make of it.


def original(x=1):
    reserve()
    pay()
    durable.recv("go")
    charge()
    return x


def renamed_locals(amount=1):
    """Say more, name things better, log, change what is returned."""
    reserved = reserve()
    durable.logger.info("reserved %s", reserved["item"])
    pay()
    for _ in range(1):
        durable.recv("go")
    charge()
    return {"amount": amount}


def with_a_step_at_the_end(x=1):
    original(x)
    reserve()


def reordered(x=1):
    pay()
    reserve()
    durable.recv("go")
    charge()


def removed(x=1):
    reserve()
    durable.recv("go")
    charge()


def renamed(x=1):
    durable.run_step(note, "reserve", step_name="book")
    pay()
    durable.recv("go")
    charge()


def other_kind(x=1):
    reserve()
    durable.run_step(note, "pay", step_name="pay")
    durable.recv("go")
    charge()


def added_before_the_wait(x=1):
    reserve()
    pay()
    charge()
    durable.recv("go")
    charge()


def other_topic(x=1):
    reserve()
    pay()
    durable.recv("come")
    charge()


def ends_before_the_wait(x=1):
    reserve()
    pay()


def ends_early(x=1):
    reserve()


def raises(x=1):
    return reserve()["items"]


def raises_at_the_end(x=1):
    original(x)
    raise LookupError("new")


def other_arguments(x, y):
    original(x)


def writes(x=1):
    Entry.objects.create(key="from the body")
    original(x)


def patched(x=1):
    reserve()
    pay()
    if durable.patch("check first"):
        charge()
    durable.recv("go")
    charge()
