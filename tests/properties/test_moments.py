"""A small program, and one thing that happens at each moment of it in turn."""

from collections.abc import Iterator

import pytest

from django_durable.execution import atomic, steps
from django_durable.execution.journal import dump_result
from django_durable.models import Wait, Workflow
from tests.properties.judge import differences
from tests.properties.nodes import Call, Child, Program
from tests.properties.reference import Reference
from tests.properties.schedules import Act, Event
from tests.properties.talk_nodes import Hear, Tell
from tests.properties.world import ROOT, World

LEAF = Program(nodes=(Call("transaction"),))
FAMILY = Program(
    nodes=(
        *(Child(LEAF, "call"), Call("transaction"), Child(LEAF, "start")),
        *(Tell(), Hear()),
    )
)


def faults(world: World, act: Act) -> Iterator[str]:
    """Let it happen at each moment in turn; say what is wrong then."""
    expected = Reference(ROOT, FAMILY)
    after = 0
    while after == 0 or not world.was_over:
        event = Event(act, after, within=1)
        found = world.run(FAMILY, (event,), doubts=False)
        for fault in (*world.problems, *differences(found, expected, world.losses)):
            yield f"{fault} ({event})"
        after += 1
    assert after > 10


@pytest.mark.parametrize("act", ["outlive", "switch", "cancel"])
def test_no_moment_is_a_bad_one(world, act):
    assert list(faults(world, act)) == []


# It can fail: each of these bugs is found.


def test_a_missing_second_look_is_found(world, monkeypatch):
    rows = type(Wait.objects.all())
    monkeypatch.setattr(rows, "wake_if_met", lambda self, *waits: None)

    assert any("left to the sweep" in fault for fault in faults(world, "switch"))


def test_a_child_that_outlives_its_parent_is_found(world, monkeypatch):
    rows = type(Workflow.objects.all())

    def cancel_alone(self, root, reason):
        return [root] * self._cancel_row(root, reason, "")

    monkeypatch.setattr(rows, "_cancel_tree", cancel_alone)

    assert any("outlives" in fault for fault in faults(world, "cancel"))


def test_a_result_that_is_not_a_copy_is_found(world, monkeypatch):
    def dump_only(value, where):
        return dump_result(value, where)[0], value

    monkeypatch.setattr(steps, "dump_result", dump_only)
    monkeypatch.setattr(atomic, "dump_result", dump_only)

    assert any("the code had" in fault for fault in faults(world, "cancel"))
