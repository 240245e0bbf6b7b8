"""Measuring fairly: alternate, repeat, take the median."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median

Figure = float | list[float]
Measure = Callable[[], Figure]
Progress = Callable[[str], None]

FAILED = "failed"


class LeftOut(Exception):
    """This cannot be measured here; the text says why."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Another engine that does the same work; ``settings`` says with which ones."""

    name: str
    measure: Measure
    settings: Callable[[], str] = str


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to measure, its limit and its peer; each call is a round.

    ``measure`` returns the round's figure, or a list of single measurements: their
    median is the figure, and the 99th percentile of all rounds is told too. The
    limit is what a bare driver takes for the same rows. ``rounds``: at most so
    many, where one takes long or repeats the measurement by itself.
    """

    name: str
    unit: str
    measure: Measure
    limit: Measure | None = None
    peer: Peer | None = None
    rounds: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the rounds of one case gave.

    A ratio is this project's figure divided by the other one, and the median of
    the rounds' own ratios: what slows a whole round down, such as a busy
    neighbour, hardly touches it.
    """

    case: str
    unit: str
    value: float | None = None
    p99: float | None = None
    limit: float | None = None
    ratio_to_limit: float | None = None
    peer: float | None = None
    ratio_to_peer: float | None = None
    rounds: int = 0
    values: Sequence[float] = ()
    notes: Sequence[str] = ()

    @property
    def has_failed(self) -> bool:
        """Tell whether the case came to a bad end."""
        return any(note.startswith(FAILED) for note in self.notes)


class Time:
    """What is left for the cases that are left."""

    def __init__(self, seconds: float, cases: int) -> None:
        self._ends_at = time.monotonic() + seconds
        self._cases = cases

    @property
    def is_over(self) -> bool:
        """Tell whether nothing may begin any more."""
        return time.monotonic() >= self._ends_at

    def turn_ends_at(self) -> float:
        """Return when the next case should be through: most need less than that."""
        now = time.monotonic()
        share = 3 * max(0.0, self._ends_at - now) / max(1, self._cases)
        self._cases -= 1
        return min(self._ends_at, now + share)


def ask(case: Case, rounds: int, left: Time, progress: Progress) -> Answer:
    """Measure the limit, the case and its peer once per round, in turn."""
    ends_at = left.turn_ends_at()
    if left.is_over:
        return Answer(case.name, case.unit, notes=["left out: the time is over"])
    turns = _Turns(case, progress)
    most = min(rounds, case.rounds or rounds)
    try:
        for number in range(1, most + 1):
            began_at = time.monotonic()
            turns.take(f"round {number} of {most}")
            ended_at = time.monotonic()
            if ended_at + (ended_at - began_at) > ends_at:
                break
    except LeftOut as reason:
        turns.notes.append(f"left out: {reason}")
    except Exception as error:
        # The others took time to measure: they are not thrown away for this one.
        turns.notes.append(f"{FAILED}: {error!r}")
    return turns.answer()


class _Turns:
    """The figures of one case, round by round."""

    def __init__(self, case: Case, progress: Progress) -> None:
        self.case = case
        self.progress = progress
        self.peer = case.peer
        self.own: list[Figure] = []
        self.limits: list[float] = []
        self.peers: list[float] = []
        self.notes: list[str] = []

    def take(self, label: str) -> None:
        """Measure once."""
        if self.case.limit is not None:
            self.progress(f"{self.case.name}, limit, {label}")
            self.limits.append(_value(self.case.limit()))
        self.progress(f"{self.case.name}, {label}")
        self.own.append(self.case.measure())
        if self.peer is not None:
            self.progress(f"{self.case.name}, {self.peer.name}, {label}")
            self._take_peer(self.peer)

    def _take_peer(self, peer: Peer) -> None:
        try:
            self.peers.append(_value(peer.measure()))
        except LeftOut as reason:
            self.notes.append(f"{peer.name}: {reason}")
            self.peer = None

    def answer(self) -> Answer:
        """Return what came of it."""
        values = [_value(figure) for figure in self.own]
        singles = [each for figure in self.own for each in _singles(figure)]
        if self.peers and self.peer and (settings := self.peer.settings()):
            self.notes.append(f"{self.peer.name}: {settings}")
        return Answer(
            self.case.name,
            self.case.unit,
            median(values) if values else None,
            percentile(singles, 0.99) if singles else None,
            *_compared(values, self.limits),
            *_compared(values, self.peers),
            len(values),
            values,
            self.notes,
        )


def percentile(values: Iterable[float], share: float) -> float:
    """Return the smallest value that so many of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def _compared(
    values: Sequence[float], others: Sequence[float]
) -> tuple[float | None, float | None]:
    pairs = list(zip(values, others, strict=False))
    if not pairs:
        return None, None
    return median(others), median(own / other for own, other in pairs)


def _value(figure: Figure) -> float:
    return median(figure) if isinstance(figure, list) else figure


def _singles(figure: Figure) -> list[float]:
    return figure if isinstance(figure, list) else []
