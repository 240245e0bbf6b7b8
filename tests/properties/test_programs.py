"""Random programs through random misfortunes."""

from hypothesis import strategies as st

from tests.properties.judge import differences
from tests.properties.reference import Reference
from tests.properties.strategies import programs, schedules
from tests.properties.world import ROOT


def test_every_program_comes_to_what_the_reference_says(world, explore):
    def holds(program, schedule, doubts):
        expected = Reference(ROOT, program)

        found = world.run(program, schedule, doubts=doubts)

        world.problems += differences(found, expected, world.losses)
        assert not found.waits or world.deaths
        assert world.problems == []
        world.replay()
        assert world.problems == []

    explore(
        holds,
        program=programs(),
        schedule=schedules(),
        doubts=st.booleans(),
        examples=200,
        share=0.6,
    )
