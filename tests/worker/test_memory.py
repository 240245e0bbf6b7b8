"""A worker measures how much memory it takes up, where the system tells."""

from pathlib import Path

import pytest

from django_durable.worker import memory

pytestmark = pytest.mark.once

MEGABYTE = 2**20


@pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="This system does not tell."
)
def test_what_a_process_takes_up_is_what_is_measured():
    before = memory.resident_bytes()

    taken = bytearray(b"x") * (64 * MEGABYTE)

    grown = memory.resident_bytes() - before
    assert 48 * MEGABYTE < grown < 96 * MEGABYTE
    assert len(taken) == 64 * MEGABYTE


@pytest.mark.parametrize("told", [None, "", "7", "seven seven"])
def test_where_the_system_does_not_tell_it_is_unknown(told, monkeypatch, tmp_path):
    place = tmp_path / "statm"
    if told is not None:
        place.write_text(told)
    monkeypatch.setattr(memory, "_STATM", place)

    assert memory.resident_bytes() is None
