"""T-43: eight steps write to one stream, and their workers are killed."""

import itertools
import time

import pytest

import django_durable as durable
from django_durable.models import StreamEntry, Workflow
from tests.chaos import writers
from tests.chaos.checker import Ended
from tests.chaos.crowd import Crowd
from tests.chaos.reaper import Reaper
from tests.journeys.ledger import lines
from tests.journeys.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

POINTS = "entry", "checkpoint", "commit"
CONCERTS = writers.concert, writers.aconcert


@pytest.mark.chaos("T-43 killed writers", share=4)
def test_a_stream_has_no_gaps_however_many_write_and_die(
    dose, fleet, checker, tmp_path
):
    counts = [dose.pick(40, 200)] * dose.pick(2, 8)
    reaper = Reaper(dose, fleet, checker, tmp_path, workers=2, points=POINTS)
    reaper.man()
    ids = start(counts)
    readers = {f"reader {pk}": ("follow", pk, "music") for pk in ids[:2]}
    crowd = Crowd(dose, fleet, readers)

    with checker.watching():
        for _ in dose.rounds(3):
            time.sleep(0.5)
            reaper.kill_one()
            crowd.kill_one()
        reaper.spare()
        crowd.wait()
        wait_until(lambda: not Workflow.objects.active().exists(), "the end")

    dose.count("stream entries", StreamEntry.objects.count())
    totals = [Ended(count * writers.VOICES) for count in counts]
    checker.verify(dict(zip(ids, totals, strict=True)))
    for pk, count in zip(ids, counts, strict=True):
        assert_all_voices_are_whole(list(durable.read_stream(pk, "music")), count)
    for pk in ids[:2]:
        values = list(durable.read_stream(pk, "music"))
        read = list(lines(tmp_path / f"reader {pk}"))
        assert read == [[*pair] for pair in enumerate(values)]
    assert reaper.kills >= 3


def start(counts):
    """Start concerts, sync and async in turn; return their ids."""
    ids = [f"concert {number}" for number in range(len(counts))]
    for number, (pk, count) in enumerate(zip(ids, counts, strict=True)):
        CONCERTS[number % 2].using(workflow_id=pk).start(count)
    return ids


def assert_all_voices_are_whole(values, count):
    """The attempts of a voice follow each other; each but the last may break off."""
    assert values[-1] == [writers.VOICES, 0]
    for voice in range(writers.VOICES):
        numbers = [number for each, number in values if each == voice]
        begins = [place for place, number in enumerate(numbers) if number == 0]
        for begin, end in itertools.pairwise([*begins, len(numbers)]):
            assert numbers[begin:end] == list(range(end - begin))
        assert len(numbers) - begins[-1] == count
