"""The same in a worker: hot waits, suspended ones, readers elsewhere, busy rows."""

import threading

import pytest
from django.db import connection, transaction
from django.test import override_settings

import django_durable as durable
from django_durable.models import Stream, Workflow
from tests.communication import workflows
from tests.running import COLD, PATIENCE, in_loop, result_of, wait_for_status, worker

pytestmark = pytest.mark.django_db(transaction=True)

HOT_OR_COLD = pytest.mark.parametrize("settings_", [{}, COLD], ids=["hot", "cold"])


@HOT_OR_COLD
@pytest.mark.parametrize("definition", [workflows.receiver, workflows.areceiver])
def test_a_waiting_workflow_receives_what_is_sent(settings_, definition):
    with override_settings(DURABLE=settings_), worker():
        handle = definition.start("news", 20)
        for number in range(20):
            durable.send(handle, number, "news")

        assert result_of(handle) == list(range(20))


@HOT_OR_COLD
def test_two_workflows_play_ping_pong(settings_):
    with override_settings(DURABLE=settings_), worker():
        one = ponger.using(workflow_id="one").start("two", 10)
        two = ponger.using(workflow_id="two").start("one", 10)
        durable.send("one", 0)

        assert [result_of(one), result_of(two)] == [18, 19]


@durable.workflow
def ponger(other, times):
    number = 0
    for _ in range(times):
        number = durable.recv()
        durable.send(other, number + 1)
    return number


@HOT_OR_COLD
@pytest.mark.parametrize("definition", [workflows.publishes, workflows.apublishes])
def test_outside_code_waits_for_an_event(settings_, definition):
    found = []
    waiting = threading.Thread(
        target=lambda: found.append(wait_for_event("later", "url"))
    )
    with override_settings(DURABLE=settings_), worker():
        first = workflows.receiver.using(workflow_id="later").start("go")
        waiting.start()
        durable.cancel_workflow(first.workflow_id)
        waiting.join(PATIENCE)
        handle = definition.start(url="/pay")

        assert durable.get_event(handle, "url", timeout=PATIENCE) == "/pay"
        assert in_loop(durable.aget_event, handle, "url") == "/pay"
    assert found == ["it ended"]


def wait_for_event(workflow_id, key):
    try:
        return durable.get_event(workflow_id, key, timeout=None, default="it ended")
    finally:
        connection.close()


@HOT_OR_COLD
@pytest.mark.parametrize("definition", [workflows.writes, workflows.awrites])
def test_a_reader_follows_a_stream_to_its_end(settings_, definition):
    with override_settings(DURABLE=settings_), worker():
        handle = definition.start("log", list(range(30)), closes=True)
        stream = durable.read_stream(handle, "log", timeout=PATIENCE)

        assert list(stream) == list(range(30))
        assert stream.closed


@HOT_OR_COLD
def test_a_workflow_follows_anothers_stream(settings_):
    with override_settings(DURABLE=settings_), worker():
        workflows.writes.using(workflow_id="w").start("log", list(range(10)))
        readers = [
            workflows.reads.start("w", "log"),
            workflows.areads.start("w", "log"),
        ]

        for reader in readers:
            assert result_of(reader) == [list(range(10)), False, 10]


PATIENT_BUFFER = {"STREAM_BUFFER_SECONDS": 3600}


@pytest.mark.parametrize("others", [{}, PATIENT_BUFFER], ids=["alone", "after another"])
def test_the_first_values_of_a_step_are_read_while_it_runs(others):
    GO.set()
    with override_settings(DURABLE=others), worker():
        result_of(slow_writer.start())  # What it has left to write stands in line.
    GO.clear()

    with worker():
        handle = slow_writer.start()
        stream = durable.read_stream(handle, "log", timeout=PATIENCE)

        first, second = next(stream), next(stream)
        durable.send(handle, "read")  # The step does not hear it, the test can go on.
        GO.set()

        assert [first, second, *stream] == [1, 2, 3]


GO = threading.Event()


@durable.step
def write_and_wait():
    durable.write_stream("log", 1)
    durable.write_stream("log", 2)  # Goes out by itself, while the step waits.
    assert GO.wait(PATIENCE)
    durable.write_stream("log", 3)


@durable.workflow
def slow_writer():
    write_and_wait()


@durable.step
def write_side_by_side(count):
    for number in range(count):
        durable.write_stream("log", number, flush=number % 7 == 0)


@durable.workflow
def many_writers(writers, count):
    durable.gather(*(write_side_by_side.bind(count) for _ in range(writers)))


def test_many_writers_leave_no_gap():
    with worker():
        handle = many_writers.start(4, 200)
        values = list(durable.read_stream(handle, "log", timeout=PATIENCE))

    assert sorted(values) == sorted(list(range(200)) * 4)
    assert Stream.objects.get().next_offset == 800


def test_a_workflow_whose_row_is_locked_publishes_when_it_is_free():
    with override_settings(DURABLE=COLD), worker():
        handle = workflows.publishes.start(a=1)
        wait_for_status(handle, "WAITING")
        with transaction.atomic():
            # A view under ATOMIC_REQUESTS may hold a row for long.
            Workflow.objects.select_for_update().filter(pk=handle.workflow_id).first()
            other = workflows.publishes.start(a=2)
            durable.send(handle, "go", "end")
        durable.send(other, "go", "end")

        assert [result_of(handle), result_of(other)] == ["go", "go"]


def test_a_step_that_streams_stops_soon_after_a_cancellation():
    with worker():
        handle = endless.start()
        next(durable.read_stream(handle, "log", timeout=PATIENCE))

        durable.cancel_workflow(handle.workflow_id)

        assert STOPPED.wait(PATIENCE)


STOPPED = threading.Event()


@durable.step
def write_for_ever():
    try:
        while not STOPPED.is_set():
            durable.write_stream("log", 1, flush=True)
    finally:
        STOPPED.set()


@durable.workflow
def endless():
    write_for_ever()


def test_a_step_that_streams_ends_although_its_worker_stops():
    with worker(drain=PATIENCE) as first:
        handle = two_values.start()
        stream = durable.read_stream(handle, "log", timeout=PATIENCE)
        assert next(stream) == 1
        first.request_stop()
        STOPPING.set()
    with worker():
        assert result_of(handle) == 1

    assert list(stream) == [2]


STOPPING = threading.Event()


@durable.step
def write_before_and_after():
    durable.write_stream("log", 1)
    assert STOPPING.wait(PATIENCE)
    durable.write_stream("log", 2, flush=True)
    durable.set_event("key", 1)
    return durable.current().step_attempt


@durable.workflow
def two_values():
    attempt = write_before_and_after()
    durable.set_event("end", attempt)
    return attempt


def test_a_direct_call_sends_sets_and_receives():
    assert talks_to_itself() == ["hello", 1, [1, 2]]


@durable.workflow
def talks_to_itself():
    me = durable.workflow_id()
    durable.send(me, "hello")
    durable.set_event("key", 1)
    write_inside_directly()
    durable.close_stream("log")
    stream = list(durable.read_stream(me, "log"))
    return [durable.recv(), durable.get_event(me, "key"), stream]


@durable.step
def write_inside_directly():
    durable.write_stream("log", 1)
    durable.write_stream("log", 2)


def test_a_wait_that_this_transaction_prevents_is_refused():
    handle = workflows.receiver.start()
    with worker(), transaction.atomic():
        durable.send(handle, "hello")
        for wait in (
            lambda: durable.get_event(handle, "key"),
            lambda: next(durable.read_stream(handle, "log")),
            handle.get_result,
        ):
            with pytest.raises(durable.WaitImpossible):
                wait()
