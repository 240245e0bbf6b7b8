"""Workflows that are copied, and how they are: each step of them can fail."""

import asyncio

import django_durable as durable
from django_durable.testing import run_until_idle
from tests.models import Entry
from tests.running import row_of

calls: list[str] = []
broken: set[str] = set()


@durable.step
def note(text):
    calls.append(text)
    if text in broken:
        raise ValueError(text)
    return f"{text}{calls.count(text)}"


@durable.step
async def anote(text):
    calls.append(text)
    return text


@durable.transaction
def write(key):
    calls.append(key)
    return Entry.objects.create(key=key).key


@durable.step(max_attempts=2, interval=0)
def second_try(text):
    calls.append(text)
    if calls.count(text) % 2:
        raise ValueError("again")
    return text


@durable.workflow
def letters(text="abc"):
    return [note(letter) for letter in text]


@durable.workflow
def raises_at_its_end():
    note("a")
    note("b")
    if "end" in broken:
        raise ValueError("the body is wrong")
    return "mended"


@durable.workflow
def publishes():
    """Steps: 1 set, 2 write, 3 receive, 4 set, 5 write, 6 a step that says both."""
    durable.set_event("state", "first")
    durable.write_stream("log", 1)
    message = durable.recv("go")
    durable.set_event("state", message)
    durable.write_stream("log", 2)
    says_inside()
    durable.close_stream("log")
    durable.set_event("late", True)
    return message


@durable.step
def says_inside():
    durable.set_event("inside", 6)
    durable.write_stream("log", 3)
    durable.write_stream("other", "x")


@durable.workflow
def side_by_side():
    """Steps: 1 a step, b and c on branches, 2 and 3 steps, d and e on branches."""
    first = note("a")
    pair = durable.gather(note.bind("b"), note.bind("c"))
    second = note("d")
    third = note("e")
    return [first, pair, second, third, durable.gather(note.bind("f"), note.bind("g"))]


@durable.workflow
async def a_task_beside():
    first = await anote("a")
    task = asyncio.create_task(two("b", "c"))
    second = await anote("d")
    return [first, second, await task, await anote("e")]


async def two(*texts):
    return [await anote(text) for text in texts]


@durable.workflow
def child(text):
    return note(text)


@durable.workflow
def family():
    """Steps: 1 a child that is started, 2 one that is called, 3 a result, 4 a step."""
    handle = child.start("started")
    called = child("called")
    return [called, handle.get_result(), note("end")]


@durable.workflow
def parent_of(count):
    for number in range(count):
        child.start(str(number))


@durable.workflow
def retries():
    return [second_try("again"), note("end")]


@durable.workflow
def waits():
    note("a")
    return durable.recv("go")


@durable.workflow
def writes():
    note("a")
    write("b")
    return note("c")


def ran(definition, *args):
    """Start, and run until nothing is left to do; forget the calls."""
    handle = definition.using(workflow_id="w").start(*args)
    run_until_idle()
    calls.clear()
    return row_of(handle)


def forked(workflow, *args, **options):
    """Fork and run until nothing is left to do."""
    fork = workflow.fork(*args, **options)
    run_until_idle()
    fork.refresh_from_db()
    return fork
