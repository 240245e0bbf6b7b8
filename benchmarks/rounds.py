"""Measuring fairly: alternate, repeat, take the median."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median

Progress = Callable[[str], None]
Figure = float | list[float]


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to measure; each call is a round.

    It returns the round's figure, or a list of single measurements: their median
    is the figure, and the 99th percentile of all rounds is told too.
    """

    name: str
    measure: Callable[[], Figure]


@dataclass(frozen=True, slots=True)
class Question:
    """Cases in one unit, and the limit that they are compared with."""

    name: str
    unit: str
    limit: Case
    cases: Sequence[Case]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the rounds of one case gave.

    ``ratio`` is the median of the rounds' own ratios: what slows a whole round
    down, such as a busy neighbour, hardly touches it.
    """

    case: str
    value: float
    p99: float | None
    unit: str
    limit: float
    ratio: float
    rounds: int
    values: list[float]


def ask(question: Question, rounds: int, progress: Progress) -> list[Answer]:
    """Measure the limit and every case once per round, in turn."""
    everything = [question.limit, *question.cases]
    figures: dict[str, list[Figure]] = {case.name: [] for case in everything}
    for number in range(1, rounds + 1):
        for case in everything:
            progress(f"{question.name}: round {number} of {rounds}: {case.name}")
            figures[case.name].append(case.measure())
    limits = [_value(figure) for figure in figures[question.limit.name]]
    return [
        _answer(case.name, figures[case.name], question.unit, limits)
        for case in question.cases
    ]


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that so many of all values do not exceed."""
    return sorted(values)[max(0, ceil(share * len(values)) - 1)]


def _answer(
    name: str, figures: Sequence[Figure], unit: str, limits: list[float]
) -> Answer:
    values = [_value(figure) for figure in figures]
    ratios = [value / limit for value, limit in zip(values, limits, strict=True)]
    singles = [each for figure in figures for each in _singles(figure)]
    return Answer(
        name,
        median(values),
        percentile(singles, 0.99) if singles else None,
        unit,
        median(limits),
        median(ratios),
        len(values),
        values,
    )


def _value(figure: Figure) -> float:
    return median(figure) if isinstance(figure, list) else figure


def _singles(figure: Figure) -> list[float]:
    return figure if isinstance(figure, list) else []
