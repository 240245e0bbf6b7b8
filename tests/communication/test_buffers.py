"""What a step gathers of its values, and when it writes them by itself."""

from contextlib import suppress

import pytest
from django.db import DataError
from django.test import override_settings

import django_durable as durable
from django_durable.models import StreamEntry
from django_durable.worker.host import WorkerHost
from tests.running import result_of, worker

pytestmark = pytest.mark.django_db(transaction=True)

# Time writes nothing: what is there has been written since it was enough.
PATIENT = {"STREAM_BUFFER_SECONDS": 3600}


@durable.step
def write_and_look(values):
    """Write values; return how many anybody may read after each."""
    seen = []
    for value in values:
        with suppress(DataError):
            durable.write_stream("log", value)
        seen.append(StreamEntry.objects.count())
    return seen


@durable.workflow
def looks_at_its_stream(values):
    return write_and_look(values)


def written_after_each(values, **buffer):
    """Return how many values were written after each call, the first at once."""
    with override_settings(DURABLE={**PATIENT, **buffer}), worker():
        handle = looks_at_its_stream.start(values)
        seen = result_of(handle)

        assert list(durable.read_stream(handle, "log")) == values
    return seen


def test_so_many_values_are_written_together():
    seen = written_after_each(list(range(12)), STREAM_BUFFER_ITEMS=4)

    assert seen == [1, 1, 1, 1, 5, 5, 5, 5, 9, 9, 9, 9]


@pytest.mark.parametrize("letter", ["x", "ä", "🙂"])
def test_so_many_bytes_are_written_together(letter):
    text = letter * (4000 // len(letter.encode()))

    seen = written_after_each([text] * 6, STREAM_BUFFER_BYTES=8000)

    assert seen == [1, 1, 3, 3, 5, 5]


@pytest.mark.parametrize(
    "buffer", [{"STREAM_BUFFER_ITEMS": 4}, {"STREAM_BUFFER_BYTES": 4 * len("json:0")}]
)
def test_what_could_not_be_written_counts_as_gathered_still(monkeypatch, buffer):
    publish, published = WorkerHost.publish, []

    def fail_at_second(host, row):
        published.append(row)
        if len(published) == 2:
            raise DataError("gone")
        return publish(host, row)

    monkeypatch.setattr(WorkerHost, "publish", fail_at_second)

    seen = written_after_each(list(range(8)), **buffer)

    # The fifth value fails; the sixth does not wait for three more.
    assert seen == [1, 1, 1, 1, 1, 6, 6, 6]
