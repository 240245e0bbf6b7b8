"""How many SQL statements each operation costs: a test fails when one is added.

They are counted in the thread of a worker that executes the operation, as the
difference between workflows that do it seldom and often.
"""

import threading

import pytest
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.test import override_settings

import django_durable as durable
from django_durable.execution import state
from tests.models import Entry
from tests.running import COLD, result_of, wait_for_status, wait_until, worker

pytestmark = pytest.mark.django_db(transaction=True)

SELDOM, OFTEN = 2, 7
EXECUTING = ("durable-slot", "durable-writer")
COMMIT = "COMMIT"


@durable.step
def nothing():
    pass


@durable.step
def publish_inside(count):
    for number in range(count):
        durable.write_stream("key", number)


@durable.transaction
def write_row():
    Entry.objects.create(key="key")


@durable.workflow
def steps(count):
    for _ in range(count):
        nothing()


@durable.workflow
def transactions(count):
    for _ in range(count):
        write_row()


@durable.workflow
def sends(count):
    for number in range(count):
        durable.send("receiver", number)


@durable.workflow
def receives(count):
    for _ in range(count):
        durable.recv()


@durable.workflow
def sets_events(count):
    for number in range(count):
        durable.set_event("key", number)


@durable.workflow
def sets_an_event_once(count):
    for number in range(count):
        durable.set_event(str(number), number, overwrite=False)


@durable.workflow
def gets_events(count):
    for _ in range(count):
        durable.get_event("receiver", "key")


@durable.workflow
def writes_streams(count):
    for number in range(count):
        durable.write_stream("key", number)


@durable.workflow
def writes_streams_inside(count):
    publish_inside(count)


@durable.workflow
def reads_streams(count):
    stream = durable.read_stream("receiver", "stream")
    for _ in range(count):
        next(stream)


@durable.workflow
def talked_to():
    for number in range(OFTEN):
        durable.write_stream("stream", number)
    durable.set_event("key", 1)
    durable.recv("end")


class Executed(list):
    """What a worker's threads have executed: statements, and commits of blocks."""

    def note(self, text, is_inside=False):
        """Add what this thread executes, if it executes workflows."""
        if threading.current_thread().name.startswith(EXECUTING):
            self.append((text.strip(), is_inside))


def statements(executed):
    """Count the statements."""
    return sum(text != COMMIT for text, _ in executed)


def commits(executed):
    """Count the transactions that write: blocks, and statements by themselves."""
    return sum(
        text == COMMIT or not (is_inside or text.startswith(("SELECT", "BEGIN")))
        for text, is_inside in executed
    )


@pytest.fixture
def executed(monkeypatch):
    """Note what the threads of workers execute."""
    noted = Executed()

    def noting(real):
        def execute(self, sql, params=None):
            noted.note(str(sql), self.db.in_atomic_block)
            return real(self, sql, params)

        return execute

    def commit(self, real=BaseDatabaseWrapper._commit):
        noted.note(COMMIT)
        return real(self)

    for name in ("execute", "executemany"):
        monkeypatch.setattr(CursorWrapper, name, noting(getattr(CursorWrapper, name)))
    monkeypatch.setattr(BaseDatabaseWrapper, "_commit", commit)
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


def run(definition, count, executed):
    """Return what a workflow's thread has executed; its messages wait for it."""
    executed.clear()
    with transaction.atomic():
        handle = definition.start(count)
        if definition is receives:
            for number in range(count):
                durable.send(handle, number)
    result_of(handle)
    # The result is there before the thread has looked for whoever waits for it.
    wait_until(lambda: "WHERE target" in executed[-1][0], "the last statement")
    return list(executed)


def per_call(definition, executed, measure):
    """Return how much each call adds; the first ones also open the connection."""
    run(definition, SELDOM, executed)
    seldom = measure(run(definition, SELDOM, executed))
    often = measure(run(definition, OFTEN, executed))
    return (often - seldom) / (OFTEN - SELDOM)


# On PostgreSQL what publishes adds one statement that wakes and notifies.
POSTGRESQL = {
    steps: 1,
    transactions: 3 + 1,
    sends: 1 + 1,
    receives: 1,
    sets_events: 1 + 1,
    sets_an_event_once: 1 + 1,
    gets_events: 2,
    writes_streams: 1 + 1,
    reads_streams: 3,
}
SQLITE = {
    steps: 1,
    transactions: 3,
    sends: 6,
    receives: 6,
    sets_events: 6,
    sets_an_event_once: 8,
    gets_events: 2,
    writes_streams: 7,
    reads_streams: 3,
}


@pytest.mark.parametrize("definition", POSTGRESQL, ids=lambda each: each.func.__name__)
def test_each_call_costs_so_many_statements(definition, executed, receiver):
    expected = SQLITE if connection.vendor == "sqlite" else POSTGRESQL

    assert per_call(definition, executed, statements) == expected[definition]


@pytest.mark.parametrize("definition", SQLITE, ids=lambda each: each.func.__name__)
def test_each_call_is_one_commit(definition, executed, receiver):
    assert per_call(definition, executed, commits) == 1


def test_a_workflow_of_nothing_costs_its_outcome_and_a_wake_up(executed, receiver):
    run(steps, 0, executed)

    assert statements(run(steps, 0, executed)) == 2


def test_more_values_from_a_step_cost_no_more_statements(executed, receiver):
    with override_settings(DURABLE={**COLD, "STREAM_BUFFER_SECONDS": 3600}):
        assert per_call(writes_streams_inside, executed, statements) == 0


OUTSIDE = {
    # The insert; on PostgreSQL the news for workers in other processes.
    "start": (lambda: steps.start(1), {"postgresql": 2, "sqlite": 1}),
    # The insert; who waits for it, and the news.
    "send": (lambda: durable.send("receiver", 1), {"postgresql": 2, "sqlite": 2}),
    "get_event": (
        lambda: durable.get_event("receiver", "key"),
        {"postgresql": 1, "sqlite": 1},
    ),
    # Is there such a workflow, how far is the stream, what is in it.
    "read_stream": (
        lambda: next(durable.read_stream("receiver", "stream")),
        {"postgresql": 3, "sqlite": 3},
    ),
}


@pytest.mark.parametrize(("call", "expected"), OUTSIDE.values(), ids=OUTSIDE)
def test_each_call_from_outside_costs_so_many_statements(call, expected, receiver):
    call()  # The first one of a process also asks for the time.
    texts = []

    def note(execute, sql, params, many, context):
        texts.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        call()

    assert len(texts) == expected[connection.vendor], texts
