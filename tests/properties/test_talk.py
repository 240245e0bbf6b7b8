"""One program that says and hears everything, and bugs that it finds."""

import re

import pytest

from django_durable.execution import race
from django_durable.models import Step, letters, publication
from django_durable.models.checkpoint import Recorded, Verdict
from django_durable.models.entries import StreamWriting
from django_durable.models.event import EventSetting
from django_durable.models.notification import NotificationQuerySet
from django_durable.models.wait import WaitQuerySet
from tests.planted.bugs_in_talk import rewriting
from tests.properties.judge import differences
from tests.properties.nodes import Child, Program, Side
from tests.properties.reference import Reference
from tests.properties.sayings import GREETING
from tests.properties.schedules import Event
from tests.properties.talk_nodes import Announce, Hear, Race, Read, Tell, Write
from tests.properties.world import ROOT, World

# Each greets its parent in its own way, and goes on when its parent answers.
CHILDREN = tuple(
    Child(Program(is_async, (first, Hear(minutes=None))), "start", (), 1, True, True)
    for is_async in (False, True)
    for first in (
        Tell(to="parent"),
        Announce(key=GREETING, how="transaction"),
        Write(stream=GREETING, how="step", fails=1),
    )
)
TALK = (
    *(Tell(count=2), Tell(topic=1, how="many"), Tell(to="nobody"), Hear(), Hear(1)),
    *(Race(), Race(minutes=60), Tell(how="step", fails=1), Hear(), Hear(), Hear(1, 0)),
    *(Announce(), Announce(1, overwrite=False), Announce(2, how="step", fails=1)),
    *(Announce(3, how="transaction", fails=1), Read(), Read("event", 1), Race()),
    *(Write(), Write(1, how="transaction", fails=1), Read("stream", 1)),
    *(Write(2, 2, closes=True, how="step", fails=1), Write(3)),
    *(Hear(minutes=None), Hear(has_default=False), Tell(how="transaction", fails=1)),
)


def faults(world: World, *, is_async: bool) -> list[str]:
    """Let them talk; say what is wrong then."""
    nodes = (*CHILDREN[:3], *TALK)
    if is_async:
        nodes = (*CHILDREN[3:], Side((TALK, TALK)), Read("events"))
    program = Program(is_async, nodes)
    expected = Reference(ROOT, program)
    found = world.run(program, (Event("tell", 20),), doubts=True)
    world.problems += differences(found, expected, world.losses)
    if not world.problems:
        world.replay()
    return world.problems


@pytest.mark.parametrize("is_async", [False, True])
def test_what_is_said_is_heard(world, is_async):
    assert faults(world, is_async=is_async) == []


# It can fail: each of these bugs is found.


def wakes_no(kind):
    """Wake nobody who waits for things of a kind."""

    def plant(patch):
        real = WaitQuerySet.wake

        def wake(self, targets, **options):
            others = [each for each in targets if not each.startswith(kind)]
            return real(self, others, **options)

        patch.setattr(WaitQuerySet, "wake", wake)

    return plant


def last_message_first(patch):
    """Receive the newest message."""
    real = NotificationQuerySet.unread
    patch.setattr(letters, "receive", lambda *args: Recorded(Verdict.BUSY))
    patch.setattr(
        NotificationQuerySet, "unread", lambda *args: real(*args).order_by("-id")
    )


def message_stays(patch):
    """Receive a message, and do not consume it."""

    def receive(self, checkpoint, topic):
        found = self.unread(checkpoint.workflow_id, topic).first()
        if found is None:
            return None
        full = checkpoint._replace(output=found.message)
        return Step.objects.record_held(full)._replace(checkpoint=full)

    patch.setattr(NotificationQuerySet, "receive", receive)


def first_wait_wins(patch):
    """Record the wrong winner of a race."""
    real = race.won_text
    patch.setattr(race, "won_text", lambda number, value: real(0, value))


def event_set_again(patch):
    """Set again what must not be overwritten."""
    real = publication.statement_of
    patch.setattr(EventSetting, "refuse", lambda *args: None)
    patch.setattr(
        publication, "statement_of", rewriting(real, "NOT x.overwrite", "false")
    )


def values_twice(patch):
    """Write a value of a stream twice."""
    real = StreamWriting.__init__

    def init(self, *args, **options):
        real(self, *args, **options)
        object.__setattr__(self, "values", self.values * 2)

    patch.setattr(StreamWriting, "__init__", init)


BUGS = [
    (wakes_no("message:"), "left to the sweep"),
    (wakes_no("event:"), "left to the sweep"),
    (wakes_no("stream:"), "left to the sweep"),
    (last_message_first, "not \\['recv"),
    (message_stays, "has consumed 0 messages"),
    (first_wait_wins, "not \\['first_of"),
    (event_set_again, "not \\['set_event"),
    (values_twice, "is 2 times in stream"),
]


@pytest.mark.parametrize(("plant", "says"), BUGS)
def test_a_bug_in_talk_is_found(world, monkeypatch, plant, says):
    with monkeypatch.context() as patch:
        plant(patch)
        found = faults(world, is_async=False)

    assert any(re.search(says, fault) for fault in found)
