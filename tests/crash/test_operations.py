"""What operators do takes as a whole or not at all, and can be repeated."""

import pytest

from tests.crash.experiment import Laboratory, judge, judge_reference
from tests.crash.operations import OPERATIONS
from tests.crash.programs import Program
from tests.crash.schedules import SCHEDULES


@pytest.mark.parametrize("program", OPERATIONS + SCHEDULES, ids=str)
def test_an_operation_that_is_repeated_after_a_crash_has_happened_once(
    laboratory: Laboratory, program: Program
):
    reference = laboratory.run(program)
    assert judge_reference(program, reference) == []

    runs = list(laboratory.each_crash(program))

    assert [fault for run in runs for fault in judge(program, run, reference)] == []
    assert len({run.remains[0] for run in runs}) >= 3
    assert all(run.deaths == 1 for run in runs)
