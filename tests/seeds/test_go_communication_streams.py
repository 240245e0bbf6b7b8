"""go_communication, streams."""

import pytest

import django_durable as durable
from django_durable.testing import crash_everywhere, run_until_idle, virtual_time
from tests.running import in_loop, worker
from tests.seeds import go_communication as programs

pytestmark = pytest.mark.django_db

PROGRESS = ["step 1 complete", "step 2 complete"]


def test_all_values_of_a_closed_stream_are_read():
    """Writing to streams, reading from streams: blocking."""
    handle = programs.producer.start()
    run_until_idle()

    stream = durable.read_stream(handle.workflow_id, "progress")

    assert list(stream) == PROGRESS
    assert stream.closed
    assert handle.get_result() == "done"


@pytest.mark.django_db(transaction=True)
def test_values_are_read_as_they_arrive():
    """Reading from streams: before the end."""
    with worker():
        handle = programs.paced_producer.start()
        stream = durable.read_stream(handle.workflow_id, "progress", timeout=20)
        durable.send(handle.workflow_id, True, "more")
        first = next(stream)
        durable.send(handle.workflow_id, True, "more")
        second = next(stream)
        durable.send(handle.workflow_id, False, "more")
        rest = list(stream)

    assert [first, second, *rest] == [1, 2, "the end, without closing"]


@pytest.mark.django_db(transaction=True)
def test_async_code_reads_values_as_they_arrive():
    """Reading from streams: async."""

    async def read():
        handle = await programs.producer.astart()
        stream = durable.aread_stream(handle.workflow_id, "progress", timeout=20)
        return [value async for value in stream], stream.closed

    with worker():
        assert in_loop(read) == (PROGRESS, True)


@pytest.mark.django_db(transaction=True)
def test_a_system_outside_of_the_project_reads_a_stream(external):
    """Reading from streams: the client."""
    handle = programs.producer.start()
    run_until_idle()

    assert external("read_stream", handle.workflow_id, "progress") == PROGRESS


def test_a_workflow_has_any_number_of_streams():
    """Writing to streams: keys."""
    handle = programs.many_streams.start()
    run_until_idle()

    numbers = durable.read_stream(handle.workflow_id, "numbers")
    letters = durable.read_stream(handle.workflow_id, "letters")

    assert list(numbers) == [0, 1, 2]
    assert list(letters) == ["a", "b", "c"]
    assert (numbers.closed, letters.closed) == (False, True)


def test_a_stream_ends_with_its_workflow_although_nobody_closed_it():
    """Writing to streams: the end of the workflow."""
    handle = programs.paced_producer.start()
    durable.send(handle.workflow_id, False, "more")
    run_until_idle()

    stream = durable.read_stream(handle.workflow_id, "progress")

    assert list(stream) == ["the end, without closing"]
    assert not stream.closed


def test_a_workflow_writes_exactly_once_whatever_crashes():
    """Stream reliability guarantees: from a workflow."""

    def scenario():
        handle = programs.producer.start()
        run_until_idle()
        return list(durable.read_stream(handle.workflow_id, "progress"))

    crash_everywhere(scenario)

    assert scenario() == PROGRESS


def test_readers_see_what_each_try_of_a_step_has_written():
    """Stream reliability guarantees: from a step."""
    with virtual_time() as time:
        handle = programs.careless_producer.start()
        time.run_for(seconds=60)

    assert list(durable.read_stream(handle.workflow_id, "progress")) == [
        "try 1, first half",
        "try 2, first half",
        "try 2, second half",
    ]


def test_a_stream_survives_and_can_be_read_from_any_offset():
    """Stream reliability guarantees: persisted."""
    handle = programs.many_streams.start()
    run_until_idle()

    stream = durable.read_stream(handle.workflow_id, "numbers", offset=1)

    assert list(stream) == [1, 2]
    assert stream.offset == 3
