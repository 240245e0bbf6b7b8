"""Rounds: in turn, medians, ratios of one round, percentiles, and in time."""

import pytest

from benchmarks.report import json_lines, table
from benchmarks.rounds import Case, LeftOut, Peer, Time, ask, percentile


def in_turn(figures, order=None, name=""):
    """Return a measurement that gives these figures, one a round."""
    left = iter(figures)

    def measure():
        if order is not None:
            order.append(name)
        return next(left)

    return measure


def refuse():
    """Be a measurement that is impossible here."""
    raise LeftOut("there is none")


def answer(case, rounds=3, seconds=1000.0):
    """Ask with plenty of time, unless told otherwise."""
    return ask(case, rounds, Time(seconds, 1), lambda text: None)


def test_the_limit_the_case_and_its_peer_are_measured_in_turn():
    order = []
    case = Case(
        "case",
        "ms",
        in_turn([1.0, 1.0], order, "case"),
        in_turn([1.0, 1.0], order, "limit"),
        Peer("peer", in_turn([1.0, 1.0], order, "peer")),
    )

    answer(case, rounds=2)

    assert order == ["limit", "case", "peer"] * 2


def test_a_ratio_is_that_of_one_round():
    limit, peer = in_turn([1.0, 100.0, 2.0]), in_turn([6.0, 600.0, 12.0])
    case = Case("case", "ms", in_turn([3.0, 300.0, 6.0]), limit, Peer("peer", peer))

    found = answer(case)

    assert (found.value, found.limit, found.ratio_to_limit) == (6.0, 2.0, 3.0)
    assert (found.peer, found.ratio_to_peer) == (12.0, 0.5)
    assert found.p99 is None


def test_single_measurements_give_a_median_a_round_and_a_percentile_of_all():
    usual, slow = [2.0] * 99 + [50.0], [4.0] * 98 + [60.0, 70.0]

    found = answer(Case("case", "ms", in_turn([usual, slow])), rounds=2)

    assert found.values == [2.0, 4.0]
    assert (found.value, found.p99) == (3.0, 50.0)


def test_a_case_may_want_fewer_rounds():
    found = answer(Case("case", "ms", in_turn([7.0]), rounds=1))

    assert (found.value, found.rounds) == (7.0, 1)


def test_a_peer_that_is_missing_is_asked_once_and_says_why():
    case = Case("case", "ms", in_turn([1.0, 2.0, 3.0]), peer=Peer("Other", refuse))

    found = answer(case)

    assert (found.value, found.rounds, found.peer) == (2.0, 3, None)
    assert found.notes == ["Other: there is none"]


def test_a_case_that_is_impossible_here_is_left_out_with_the_reason():
    found = answer(Case("case", "ms", refuse))

    assert (found.value, found.rounds) == (None, 0)
    assert found.notes == ["left out: there is none"]


def test_a_failure_is_told_and_the_other_cases_go_on():
    def fail():
        raise ValueError("broken")

    found = answer(Case("case", "ms", fail))

    assert found.has_failed
    assert found.notes == ["failed: ValueError('broken')"]
    assert not answer(Case("case", "ms", refuse)).has_failed


def test_nothing_begins_when_the_time_is_over():
    found = answer(Case("case", "ms", in_turn([])), seconds=-1.0)

    assert found.notes == ["left out: the time is over"]


def test_a_case_repeats_less_when_time_is_short():
    def slow():
        raise AssertionError("There was no time for a second round.")

    now = [0.0]

    def first_then_slow():
        if now[0]:
            slow()
        now[0] = 1.0
        return 5.0

    class Short(Time):
        def turn_ends_at(self):
            return 0.0

    found = ask(
        Case("case", "ms", first_then_slow), 3, Short(1000, 1), lambda text: None
    )

    assert (found.value, found.rounds) == (5.0, 1)


@pytest.mark.django_db
def test_a_table_numbers_what_is_to_be_said_and_json_has_it_all():
    answers = [answer(Case("fast", "ms", refuse)), answer(Case("slow", "ms", refuse))]

    assert "fast [1]" in table("case", answers)
    assert table("case", answers).count("[1] left out: there is none") == 1
    assert json_lines("case", answers).count('"ratio_to_peer": null') == 2


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([3.0], 0.99, 3.0), ([2.0, 1.0], 0.5, 1.0), (range(1, 101), 0.99, 99)],
)
def test_a_percentile_is_a_value_that_was_measured(values, share, expected):
    assert percentile(values, share) == expected
