"""Every program, crashed before and after each statement, commit and effect."""

import pytest

from tests.crash.crasher import Crasher
from tests.crash.experiment import (
    Laboratory,
    judge,
    judge_cancellation,
    judge_reference,
)
from tests.crash.programs import CANCELLATIONS, PROGRAMS, Program
from tests.crash.talks import CANCELLED_TALKS, TALKS, talk_named

SMALL = [each for each in PROGRAMS if each.name in ("nap", "transaction")] + [
    each for each in PROGRAMS if each.name == "short child"
]


@pytest.mark.parametrize("program", PROGRAMS + TALKS, ids=str)
def test_a_crash_anywhere_changes_nothing_in_the_end(
    laboratory: Laboratory, program: Program
):
    reference = laboratory.run(program)
    assert judge_reference(program, reference) == []

    runs = list(laboratory.each_crash(program))

    assert [fault for run in runs for fault in judge(program, run, reference)] == []
    assert len({run.remains[0] for run in runs}) > 3
    assert all(run.deaths == 1 for run in runs)


@pytest.mark.parametrize("program", CANCELLATIONS + CANCELLED_TALKS, ids=str)
def test_nothing_commits_after_a_cancellation_wherever_somebody_crashes(
    laboratory: Laboratory, program: Program
):
    reference = laboratory.run(program)
    assert judge_cancellation(reference) == []
    assert reference.story.outcomes == program.expected
    assert sorted(reference.story.entries) == program.entries

    runs = list(laboratory.each_crash(program))

    assert [fault for run in runs for fault in judge_cancellation(run)] == []
    assert {run.story.outcomes["w"][0] for run in runs if run.story.outcomes} == {
        "CANCELLED",
        "SUCCESS",
    }


@pytest.mark.once
@pytest.mark.parametrize("program", [*SMALL, talk_named("send in a step")], ids=str)
def test_a_crash_anywhere_in_the_recovery_changes_nothing_either(
    laboratory: Laboratory, program: Program
):
    reference = laboratory.run(program)

    runs = list(laboratory.each_pair(program))

    assert [fault for run in runs for fault in judge(program, run, reference)] == []
    assert len({run.remains[0] for run in runs}) > 3
    assert all(run.deaths == 2 for run in runs)


@pytest.mark.once
@pytest.mark.parametrize("program", SMALL[:2], ids=str)
def test_a_crash_changes_nothing_when_all_news_of_the_row_is_old(
    laboratory: Laboratory, program: Program
):
    fresh = laboratory.run(program)
    laboratory.seconds_per_look = 1
    reference = laboratory.run(program)
    points = reference.crashers[0].points
    assert len(points) > len(fresh.crashers[0].points)

    runs = list(laboratory.each_crash(program))

    assert [fault for run in runs for fault in judge(program, run, reference)] == []


def test_the_points_of_a_process_are_its_statements_commits_and_effects(
    laboratory: Laboratory,
):
    program = next(each for each in PROGRAMS if each.name == "transaction")

    run = laboratory.run(program)

    points = run.crashers[0].points
    for word in ("INSERT", "UPDATE", "SELECT", "SAVEPOINT", "RELEASE", "effect"):
        assert any(point.startswith(word) for point in points), word
    assert points.count("COMMIT") >= 2


def test_a_dead_process_executes_nothing_more(laboratory: Laboratory):
    program = next(each for each in PROGRAMS if each.name == "transaction")
    label = "effect enter"
    at = laboratory.run(program).crashers[0].points.index(label) + 1
    crasher = Crasher(at, "after")

    run = laboratory.run(program, crasher)

    assert crasher.is_dead
    assert crasher.points[-1] == label
    assert run.calls["w/1"] == 2
    assert run.story.entries == {"one": 1, "two": 1}
