"""Rounds: in turn, medians, ratios of one round, percentiles of all."""

import pytest

from benchmarks.rounds import Case, Question, ask, percentile


def in_turn(name, figures, order):
    """Make a case that gives these figures, one a round."""
    left = iter(figures)

    def measure():
        order.append(name)
        return next(left)

    return Case(name, measure)


def test_the_limit_and_the_cases_are_measured_in_turn():
    order = []
    limit = in_turn("limit", [1.0, 1.0], order)
    cases = [in_turn("a", [1.0, 1.0], order), in_turn("b", [1.0, 1.0], order)]

    ask(Question("what", "ms", limit, cases), 2, lambda text: None)

    assert order == ["limit", "a", "b"] * 2


def test_a_ratio_is_that_of_one_round():
    order = []
    limit = in_turn("limit", [1.0, 100.0, 2.0], order)
    case = in_turn("case", [3.0, 300.0, 6.0], order)

    (answer,) = ask(Question("what", "ms", limit, [case]), 3, lambda text: None)

    assert (answer.value, answer.limit, answer.ratio) == (6.0, 2.0, 3.0)
    assert answer.p99 is None


def test_single_measurements_give_a_median_a_round_and_a_percentile_of_all():
    order = []
    limit = in_turn("limit", [1.0, 1.0], order)
    usual, slow = [2.0] * 99 + [50.0], [4.0] * 98 + [60.0, 70.0]
    case = in_turn("case", [usual, slow], order)

    (answer,) = ask(Question("what", "ms", limit, [case]), 2, lambda text: None)

    assert answer.values == [2.0, 4.0]
    assert (answer.value, answer.p99) == (3.0, 50.0)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([3.0], 0.99, 3.0), ([2.0, 1.0], 0.5, 1.0), (range(1, 101), 0.99, 99)],
)
def test_a_percentile_is_a_value_that_was_measured(values, share, expected):
    assert percentile(values, share) == expected
