"""How many SQL statements each operation costs: a test fails when one is added.

They are counted in the threads of a worker that execute the operation, as the
difference between workflows that do it seldom and often.
"""

import threading

import pytest
from django.db import connection, transaction
from django.test import override_settings

import django_durable as durable
from django_durable.execution import state
from tests.counting import Cost, is_news, note_all
from tests.models import Entry
from tests.running import COLD, result_of, wait_for_status, wait_until, worker

pytestmark = pytest.mark.django_db(transaction=True)

SELDOM, OFTEN = 2, 7
# Threads that execute workflows, or write and read on behalf of async ones.
EXECUTING = ("durable-slot", "durable-writer", "durable-helper", "durable-query")


@durable.step
def nothing():
    pass


@durable.step
async def anothing():
    pass


@durable.step
def publish_inside(count):
    for number in range(count):
        durable.write_stream("key", number)


@durable.step
async def apublish_inside(count):
    for number in range(count):
        await durable.awrite_stream("key", number)


@durable.transaction
def write_row():
    Entry.objects.create(key="key")


# Each call of a workflow's body: in a sync one, and in an async one.
CALLS = {
    "step": (lambda n: nothing(), lambda n: anothing()),
    "transaction": (lambda n: write_row(), lambda n: write_row.acall()),
    "send": (
        lambda n: durable.send("receiver", n),
        lambda n: durable.asend("receiver", n),
    ),
    "recv": (lambda n: durable.recv(), lambda n: durable.arecv()),
    "set_event": (
        lambda n: durable.set_event("key", n),
        lambda n: durable.aset_event("key", n),
    ),
    "set_event once": (
        lambda n: durable.set_event(str(n), n, overwrite=False),
        lambda n: durable.aset_event(str(n), n, overwrite=False),
    ),
    "set_summary": (
        lambda n: durable.set_summary(str(n)),
        lambda n: durable.aset_summary(str(n)),
    ),
    "get_event": (
        lambda n: durable.get_event("receiver", "key"),
        lambda n: durable.aget_event("receiver", "key"),
    ),
    "write_stream": (
        lambda n: durable.write_stream("key", n),
        lambda n: durable.awrite_stream("key", n),
    ),
    "read_stream": (
        lambda n: next(durable.read_stream("receiver", "stream", offset=n)),
        lambda n: anext(durable.aread_stream("receiver", "stream", offset=n)),
    ),
}


@durable.workflow
def calls(name, count):
    for number in range(count):
        CALLS[name][0](number)


@durable.workflow
async def acalls(name, count):
    for number in range(count):
        await CALLS[name][1](number)


@durable.workflow
def writes_streams_inside(name, count):
    publish_inside(count)


@durable.workflow
async def awrites_streams_inside(name, count):
    await apublish_inside(count)


@durable.workflow
def talked_to():
    for number in range(OFTEN):
        durable.write_stream("stream", number)
    durable.set_event("key", 1)
    durable.recv("end")


BODIES = [calls, acalls]


def name_of(definition):
    return definition.func.__name__


@pytest.fixture
def executed(monkeypatch):
    """Note what the threads of workers execute."""
    noted = note_all(
        monkeypatch, lambda: threading.current_thread().name.startswith(EXECUTING)
    )
    # However slow the machine is: the last news of a row are good news.
    monkeypatch.setattr(state, "TRUST_SECONDS", 3600.0)
    return noted


@pytest.fixture
def receiver():
    """A workflow that has published, and has left memory: it executes nothing."""
    with override_settings(DURABLE=COLD), worker():
        handle = talked_to.using(workflow_id="receiver").start()
        wait_for_status(handle, "WAITING")
        yield handle
        durable.send(handle, "end", "end")
        result_of(handle)


def run(body, name, count, executed):
    """Return what a workflow's threads have executed; its messages wait for it."""
    executed.clear()
    with transaction.atomic():
        handle = body.start(name, count)
        if name == "recv":
            for number in range(count):
                durable.send(handle, number)
    result_of(handle)
    # The result is there before the thread has looked for whoever waits for it.
    wait_until(lambda: is_news(executed[-1][0]), "the last statement")
    return Cost.of(executed)


def per_call(body, name, executed):
    """Return how much each call adds; the first ones also open the connections."""
    run(body, name, SELDOM, executed)
    seldom = run(body, name, SELDOM, executed)
    often = run(body, name, OFTEN, executed)
    return Cost(
        *((b - a) / (OFTEN - SELDOM) for a, b in zip(seldom, often, strict=True))
    )


# On both databases each is one transaction. On PostgreSQL it is one statement,
# where nothing has to be looked at first. On SQLite looks cost next to nothing.
POSTGRESQL = {
    "step": Cost(1, 0, 1),
    # The user's INSERT, the checkpoint, and how long it may wait for the lock.
    "transaction": Cost(4, 0, 1),
    "send": Cost(1, 1, 1),
    "recv": Cost(1, 0, 1),
    "set_event": Cost(1, 1, 1),
    "set_event once": Cost(1, 1, 1),
    "set_summary": Cost(1, 0, 1),
    "get_event": Cost(2, 0, 1),
    "write_stream": Cost(1, 1, 1),
    "read_stream": Cost(2, 0, 1),
}
SQLITE = {
    "step": Cost(1, 0, 1),
    "transaction": Cost(3, 0, 1),
    "send": Cost(5, 1, 1),
    "recv": Cost(6, 0, 1),
    "set_event": Cost(5, 1, 1),
    "set_event once": Cost(7, 1, 1),
    "set_summary": Cost(1, 0, 1),
    "get_event": Cost(2, 0, 1),
    "write_stream": Cost(6, 1, 1),
    "read_stream": Cost(2, 0, 1),
}


@pytest.mark.parametrize("body", BODIES, ids=name_of)
@pytest.mark.parametrize("name", CALLS)
def test_each_call_costs_so_many_statements_and_one_commit(
    name, body, executed, receiver
):
    expected = SQLITE if connection.vendor == "sqlite" else POSTGRESQL

    assert per_call(body, name, executed) == expected[name]


@pytest.mark.parametrize("body", BODIES, ids=name_of)
def test_a_workflow_of_nothing_costs_its_outcome_and_a_wake_up(
    body, executed, receiver
):
    run(body, "step", 0, executed)

    assert run(body, "step", 0, executed) == Cost(1, 1, 1)


@pytest.mark.parametrize(
    "body", [writes_streams_inside, awrites_streams_inside], ids=name_of
)
def test_more_values_from_a_step_cost_no_more_statements(body, executed, receiver):
    with override_settings(DURABLE={**COLD, "STREAM_BUFFER_SECONDS": 3600}):
        assert per_call(body, "", executed) == Cost(0, 0, 0)
