"""T-37: workers, senders and readers are killed while workflows talk."""

import itertools
import re
from collections import ChainMap

import pytest

import django_durable as durable
from django_durable.models import EventHistory, Notification, StreamEntry, Workflow
from django_durable.models.claims import STALLS_BEFORE_QUARANTINE
from tests.chaos import talk
from tests.chaos.checker import Ended
from tests.chaos.crowd import Crowd
from tests.chaos.faults import TALK
from tests.chaos.reaper import Reaper
from tests.journeys.ledger import lines
from tests.journeys.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

TALKERS = talk.talker, talk.atalker
LISTENERS = talk.listener, talk.achooser, talk.alistener, talk.chooser
WATCHERS = talk.watcher, talk.awatcher
# Of so many talkers, all that they say is read as it comes.
READ = 2
# Of a point, the last time at which a worker dies: they live for two seconds or so.
LATEST = 20
# Of 360 messages, 360 events and 3,600 entries of streams each.
WAVES = 6
HOT = {"HOT_WAIT": 0.1, "ASYNC_HOT_WAIT": 0.1}


@pytest.mark.chaos("T-37 killed talk", share=14)
def test_what_is_said_is_heard_once_although_both_sides_are_killed(
    dose, fleet, checker, tmp_path
):
    pairs, rounds, kills = dose.pick((3, 8, 3), (6, 30, 8))
    reaper = Reaper(
        dose, fleet, checker, tmp_path, workers=3, points=TALK, latest=LATEST, **HOT
    )
    reaper.man()
    waves = []

    with checker.watching():
        for number in dose.rounds(dose.amount(1, WAVES)):
            waves.append(Talks(number, pairs, rounds))
            waves[-1].start()
            crowd = Crowd(dose, fleet, waves[-1].crowd())
            for kill in range(kills):
                reaper.wait(waves[-1].has_said(kill / kills), "some of the talk")
                reaper.kill_one()
                crowd.kill_one()
            reaper.spare()
            waves[-1].let_end(tmp_path)
            crowd.wait()
            wait_until(waves[-1].are_over, "the end of all talks", timeout=60)

    dose.count("messages", Notification.objects.count())
    dose.count("events", EventHistory.objects.count())
    dose.count("stream entries", StreamEntry.objects.count())
    dose.count("woken by a sweep", woken_by_sweeps(fleet))
    checker.verify(ChainMap(*(wave.expected for wave in waves)))
    for wave in waves:
        wave.assert_all_was_said()
        wave.assert_all_was_read(tmp_path)
    assert reaper.kills >= 3
    assert dose.report.counts["kills of senders and readers"] >= kills


class Talks:
    """Pairs of a talker and a listener, and who is beside them.

    Of the messages, a listener gets half from its talker, half from a process.
    """

    def __init__(self, wave, pairs, rounds):
        self.rounds = rounds
        self.talkers = [f"talker-{wave}.{number}" for number in range(pairs)]
        self._wave = wave
        self._gate = f"talk-{wave}"
        self.expected = dict.fromkeys(self.talkers, Ended(None))
        for number, talker in enumerate(self.talkers):
            heard = talk.everything([talker, self._name("speaker", number)], rounds)
            self.expected[self._name("listener", number)] = Ended(heard)
        for number in range(READ):
            seen = list(range(rounds)), list(range(rounds * talk.VALUES))
            self.expected[self._name("watcher", number)] = Ended(seen)

    def _name(self, role, number):
        return f"{role}-{self._wave}.{number}"

    def _start(self, definitions, role, number, *arguments):
        """Start one of several definitions, in turn."""
        definition = definitions[number % len(definitions)]
        definition.using(workflow_id=self._name(role, number)).start(*arguments)

    def start(self):
        """Start all workflows."""
        for number, talker in enumerate(self.talkers):
            listener = self._name("listener", number)
            self._start(LISTENERS, "listener", number, 2 * self.rounds)
            self._start(TALKERS, "talker", number, listener, self.rounds, self._gate)
            if number < READ:
                self._start(WATCHERS, "watcher", number, talker, self.rounds)

    def crowd(self):
        """Return what processes are to do."""
        calls = {}
        for number, talker in enumerate(self.talkers):
            listener = self._name("listener", number)
            calls[self._name("speaker", number)] = "speak", listener, self.rounds
            if number < READ:
                calls[self._name("said", number)] = "follow", talker, "said"
                calls[self._name("chat", number)] = "afollow", talker, "chat"
                calls[self._name("seen", number)] = "ask", talker, self.rounds
        return calls

    def has_said(self, share):
        """Return the question whether they have said a share of what they may.

        Or do not go on: one that runs alone stands at the gate, the others wait.
        """
        written = StreamEntry.objects.filter(workflow_id__in=self.talkers)
        before_the_gate = len(self.talkers) * (2 * self.rounds - 1) * talk.VALUES
        alone = Workflow.objects.filter(stalls__gte=STALLS_BEFORE_QUARANTINE)
        return lambda: written.count() >= share * before_the_gate or alone.exists()

    def let_end(self, directory):
        """Let them say the last of it."""
        (directory / f"gate-{self._gate}").touch()

    def are_over(self):
        """Tell whether everything has ended."""
        return not Workflow.objects.active().exists()

    def assert_all_was_said(self):
        """The streams hold everything, and the latest events are the last ones."""
        events = [*range(self.rounds)]
        known = {f"event-{number}": number for number in events}
        known["latest"] = events[-1]
        said = [*range(self.rounds * talk.VALUES)]
        for talker in self.talkers:
            assert durable.get_events(talker) == known
            assert list(durable.read_stream(talker, "said")) == said
            assert_told_in_full(durable.read_stream(talker, "chat"), self.rounds)

    def assert_all_was_read(self, directory):
        """The readers got each entry once, although they were killed."""
        for number, talker in enumerate(self.talkers[:READ]):
            for key, is_closed in (("said", True), ("chat", False)):
                values = list(durable.read_stream(talker, key))
                name = self._name(key, number)
                read = list(lines(directory / name))
                assert read == [[*pair] for pair in enumerate(values)]
                assert [len(values), is_closed] in lines(directory / f"{name} end")
            seen = list(lines(directory / self._name("seen", number)))
            assert seen == [[each, each] for each in range(self.rounds)]


def woken_by_sweeps(fleet):
    """Return how many the workers' sweeps had to wake: deaths swallow wake-ups."""
    return sum(map(int, re.findall(r"only the sweep has woken: (\d+)", fleet.log)))


def assert_told_in_full(values, rounds):
    """A step's attempts follow each other; each but the last may break off."""
    full, told = list(range(talk.VALUES)), []
    for number, group in itertools.groupby(values, key=lambda value: value[0]):
        parts = [part for _, part in group]
        begins = [place for place, part in enumerate(parts) if part == 0]
        for begin, end in itertools.pairwise([*begins, len(parts)]):
            assert parts[begin:end] == full[: end - begin]
        assert parts[begins[-1] :] == full
        told.append(number)
    assert told == list(range(rounds))
