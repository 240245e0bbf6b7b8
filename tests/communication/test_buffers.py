"""What a step gathers of its values, and when it writes them by itself."""

import pytest
from django.test import override_settings

import django_durable as durable
from django_durable.models import StreamEntry
from tests.running import result_of, worker

pytestmark = pytest.mark.django_db(transaction=True)

# Time writes nothing: what is there has been written since it was enough.
PATIENT = {"STREAM_BUFFER_SECONDS": 3600}


@durable.step
def write_and_look(values):
    """Write values; return how many anybody may read after each."""
    seen = []
    for value in values:
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
