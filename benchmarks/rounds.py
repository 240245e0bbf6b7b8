"""Measuring fairly: alternate, repeat, take the median."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to measure; each call is a round and returns its figure."""

    name: str
    measure: Callable[[], float]


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
    unit: str
    limit: float
    ratio: float
    rounds: int
    values: list[float]


def ask(question: Question, rounds: int, progress: Progress) -> list[Answer]:
    """Measure the limit and every case once per round, in turn."""
    everything = [question.limit, *question.cases]
    figures: dict[str, list[float]] = {case.name: [] for case in everything}
    for number in range(1, rounds + 1):
        for case in everything:
            progress(f"{question.name}: round {number} of {rounds}: {case.name}")
            figures[case.name].append(case.measure())
    limits = figures[question.limit.name]
    return [
        _answer(case.name, figures[case.name], question.unit, limits)
        for case in question.cases
    ]


def _answer(name: str, values: list[float], unit: str, limits: list[float]) -> Answer:
    ratios = [value / limit for value, limit in zip(values, limits, strict=True)]
    return Answer(
        name, median(values), unit, median(limits), median(ratios), len(values), values
    )
