"""Streams: ordered values without gaps, read by anybody as they come."""

import pytest
from asgiref.sync import async_to_sync

import django_durable as durable
from django_durable.execution import looks
from django_durable.models import Stream, StreamEntry
from django_durable.testing import assert_steps, run_until_idle, virtual_time
from tests.communication import workflows
from tests.models import Entry

pytestmark = pytest.mark.django_db

WRITERS = pytest.mark.parametrize("definition", [workflows.writes, workflows.awrites])
READERS = pytest.mark.parametrize("definition", [workflows.reads, workflows.areads])


def entries_of(handle):
    """Return (offset, step, attempt) of what a workflow has written."""
    rows = StreamEntry.objects.filter(workflow=handle.workflow_id)
    return list(rows.order_by("offset").values_list("offset", "step_id", "attempt"))


@WRITERS
def test_what_a_workflow_has_written_is_read_in_order(definition):
    handle = definition.start("log", ["a", (1, 2), None], closes=True)

    run_until_idle()
    stream = durable.read_stream(handle, "log")

    assert list(stream) == ["a", (1, 2), None]
    assert (stream.closed, stream.offset) == (True, 3)
    assert entries_of(handle) == [(0, 1, 1), (1, 2, 1), (2, 3, 1)]
    assert_steps(handle, [*["write_stream(log)"] * 3, "close_stream(log)"])


def test_a_stream_that_nobody_closed_ends_with_its_workflow():
    handle = workflows.writes.start("log", [1, 2, 3])

    run_until_idle()
    stream = durable.read_stream(handle, "log", offset=1)

    assert list(stream) == [2, 3]
    assert (stream.closed, stream.offset) == (False, 3)


def test_async_code_reads_streams_too():
    async def read(handle):
        stream = durable.aread_stream(handle, "log", offset=1)
        return [value async for value in stream], stream.closed, stream.offset

    handle = workflows.writes.start("log", [1, 2, 3], closes=True)
    run_until_idle()

    assert async_to_sync(read)(handle) == ([2, 3], True, 3)


def test_a_stream_of_which_nothing_was_written_is_empty():
    handle = workflows.writes.start("log", [])
    run_until_idle()

    assert list(durable.read_stream(handle, "log")) == []
    assert list(durable.read_stream(handle, "log", offset=10**18)) == []


def test_a_reader_gets_what_is_left_where_somebody_has_deleted_the_first_values():
    handle = workflows.writes.start("log", ["a", "b", "c"], closes=True)
    run_until_idle()
    StreamEntry.objects.filter(workflow=handle.workflow_id, offset__lt=2).delete()

    first = looks.entries("default", handle.workflow_id, "log", 0, limit=1)

    assert first.values == ("c",)


@READERS
def test_a_workflow_reads_anothers_stream_and_replays_what_it_read(definition):
    handle = workflows.writes.using(workflow_id="w").start("log", [1, 2], waits=True)
    reader = definition.start("w", "log")

    with virtual_time() as time:
        run_until_idle()
        assert reader.get_status() == "WAITING"
        durable.send(handle, 1, "end")
        run_until_idle()
        StreamEntry.objects.all().delete()
        time.advance(seconds=2)
        run_until_idle()

    assert reader.get_result() == [[1, 2], False, 2]
    assert_steps(reader, [*["read_stream(log)"] * 3, "sleep"])


@READERS
def test_a_wait_for_the_next_value_has_an_end(definition):
    workflows.writes.using(workflow_id="w").start("log", [1], waits=True)
    reader = definition.start("w", "log", timeout=60)
    lost = definition.start("nobody", "log")

    with virtual_time() as time:
        run_until_idle()
        time.advance(seconds=61)
        run_until_idle()

    with pytest.raises(durable.WaitTimeout, match="value 1 of stream 'log'"):
        reader.get_result()
    with pytest.raises(durable.WorkflowNotFound):
        lost.get_result()


@pytest.mark.parametrize("kind", ["step", "transaction", "beside"])
def test_steps_write_to_streams(kind):
    handle = workflows.writes_from_steps.start("log", list(range(250)), kind)

    run_until_idle()

    values = list(durable.read_stream(handle, "log"))
    assert values == [[1, number] for number in range(250)]
    assert entries_of(handle) == [(number, 1, 1) for number in range(250)]


def test_async_steps_write_to_streams():
    handle = workflows.awrites_from_steps.start("log", list(range(250)))

    run_until_idle()

    values = list(durable.read_stream(handle, "log"))
    assert values == [[1, number] for number in range(250)]


def test_what_a_failed_try_has_written_stays_and_says_which_try_it_was():
    handle = workflows.writes_from_steps.start("log", [1, 2], fails=1)

    run_until_idle()

    values = list(durable.read_stream(handle, "log"))
    assert values == [[1, 1], [1, 2], [2, 1], [2, 2]]
    assert [attempt for *_, attempt in entries_of(handle)] == [1, 1, 2, 2]


def test_what_a_failed_transaction_has_written_is_gone():
    handle = workflows.writes_from_steps.start("log", [1], "transaction", fails=True)

    run_until_idle()

    assert list(durable.read_stream(handle, "log")) == ["failed"]


def test_a_stream_does_not_follow_a_transaction_inside_a_plain_step():
    handle = workflows.writes_from_steps.start("log", [1], "beside", fails=True)

    run_until_idle()

    assert list(durable.read_stream(handle, "log")) == [[1, 1]]
    assert not Entry.objects.exists()


def test_a_step_closes_a_stream_after_its_values():
    handle = workflows.writes_from_steps.start("log", [1, 2], closes=True)

    run_until_idle()
    stream = durable.read_stream(handle, "log")

    assert list(stream) == [[1, 1], [1, 2]]
    assert stream.closed


@pytest.mark.parametrize("by_step", [False, True])
def test_nothing_is_written_to_a_closed_stream(by_step):
    handle = workflows.writes_after_close.start(by_step)

    with virtual_time() as time:
        run_until_idle()
        time.advance(seconds=2)
        run_until_idle()

    assert handle.get_result() == ["s", "s"]
    assert Stream.objects.get().next_offset == 0


def test_a_value_is_never_mistaken_for_the_end():
    odd = [None, "__DBOS_STREAM_CLOSED__", {"closed": True}, [], StopIteration.__name__]
    handle = workflows.writes.start("log", odd)

    run_until_idle()

    assert list(durable.read_stream(handle, "log")) == odd


def test_a_step_that_is_tried_again_adds_nothing_to_what_it_has_closed():
    handle = workflows.closes_twice.start("s", 1, 2)

    run_until_idle()

    assert handle.get_result() is None
    stream = durable.read_stream(handle, "s")
    assert (list(stream), stream.closed) == ([1, 2], True)
