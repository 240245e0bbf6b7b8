"""Small programs, and one thing that happens at each moment of them in turn."""

from collections.abc import Iterator

import pytest

from tests.properties.judge import differences
from tests.properties.nodes import Call, Child, Program
from tests.properties.reference import Reference
from tests.properties.schedules import Act, Event
from tests.properties.world import ROOT, World

LEAF = Program(nodes=(Call("transaction"),))
PARENT = Program(nodes=(Child(LEAF, "call"), Call("transaction"), Child(LEAF, "start")))


def moments(world: World, program: Program, act: Act) -> Iterator[Event]:
    """Let it happen at each moment in turn, until there is none left."""
    after = 0
    while True:
        event = Event(act, after, within=1)
        world.run(program, (event,), doubts=False)
        if world.was_over:
            assert after > 10
            return
        yield event
        after += 1


@pytest.mark.parametrize("act", ["outlive", "switch", "cancel"])
def test_no_moment_is_a_bad_one(world, act):
    expected = Reference(ROOT, PARENT)

    for event in moments(world, PARENT, act):
        found = differences(world.snapshot, expected, world.losses)
        assert [*world.problems, *found] == [], event
