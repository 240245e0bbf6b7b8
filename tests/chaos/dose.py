"""How much of a fault an experiment gets, and what came of it.

Every experiment is an ordinary test. By itself it takes a tiny dose: seconds, and
tens of workflows. With CHAOS_MINUTES in the environment the experiments of a run
share that time, each according to its share; what one leaves, the later ones get.
In the time that a run has by itself, or more, what counts as done comes whole.
CHAOS_SEED repeats the choices of an earlier run.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")

# Of its time, an experiment needs a part to come to rest after the last fault.
REST = 0.2
LONGEST_REST = 30.0
# From so many minutes on, which are those of the Makefile, amounts are whole.
WHOLE_MINUTES = 15


@dataclass
class Report:
    """What one experiment tells the summary."""

    name: str
    counts: Counter[str] = field(default_factory=Counter)
    notes: dict[str, str] = field(default_factory=dict)
    violations: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        counted = [f"{count} {what}" for what, count in self.counts.items()]
        return ", ".join([*counted, *(f"{k} {v}" for k, v in self.notes.items())])


class Campaign:
    """The experiments of one run, and the time that they share."""

    def __init__(self, minutes: float | None, seed: str | None) -> None:
        self.minutes = minutes
        self.seed = int(seed) if seed else random.SystemRandom().randrange(10**6)
        self.reports: list[Report] = []
        self._shares: dict[str, float] = {}
        self._part = 1.0
        self._ends_at: float | None = None

    def plan(self, shares: dict[str, float], *, part: float = 1.0) -> None:
        """Name the experiments to come, in order; they get a part of the time."""
        self._shares = shares
        self._part = part

    def slice_of(self, test: str) -> float:
        """Return the seconds that belong to an experiment which begins now."""
        assert self.minutes is not None
        now = time.monotonic()
        if self._ends_at is None:
            self._ends_at = now + self.minutes * 60 * self._part
        names = list(self._shares)
        to_come = [self._shares[name] for name in names[names.index(test) :]]
        return max(0.0, self._ends_at - now) * to_come[0] / (sum(to_come) or 1)


campaign = Campaign(
    float(os.environ["CHAOS_MINUTES"]) if os.environ.get("CHAOS_MINUTES") else None,
    os.environ.get("CHAOS_SEED"),
)


class Dose:
    """What one experiment may do, decides by chance, and reports."""

    def __init__(self, campaign: Campaign, test: str, name: str) -> None:
        self.is_full = campaign.minutes is not None
        self.is_whole = (campaign.minutes or 0) >= WHOLE_MINUTES
        self.seed = campaign.seed
        self.chance = random.Random(f"{campaign.seed} {test.partition('::')[2]}")
        self.report = Report(name)
        self._began_at = time.monotonic()
        self.slice = campaign.slice_of(test) if self.is_full else 0.0
        campaign.reports.append(self.report)

    def seconds(self, tiny: float) -> float:
        """Return how long to apply faults: ``tiny``, or the share of the run."""
        if not self.is_full:
            return tiny
        return max(tiny, self.slice - min(LONGEST_REST, REST * self.slice))

    def pick(self, tiny: T, full: T) -> T:
        """Return one or the other, after the size of the dose."""
        return full if self.is_full else tiny

    def amount(self, tiny: int, whole: int, *, fits: int = 0) -> int:
        """Return how much there has to be, however little time is left for it.

        A full dose that is too short for the whole amount has what ``fits``.
        """
        if self.is_whole:
            return whole
        return max(tiny, min(whole, fits)) if self.is_full else tiny

    def beats(self, every: float, *, tiny: float) -> Iterator[int]:
        """Yield 0, 1, 2 … at a rhythm, as long as faults are to be applied."""
        ends_at, number = time.monotonic() + tiny, 0
        if self.is_full:
            ends_at = max(ends_at, self._began_at + self.seconds(tiny))
        while (now := time.monotonic()) < ends_at:
            yield number
            number += 1
            time.sleep(max(0.0, now + every - time.monotonic()))

    def rounds(self, least: int = 1) -> Iterator[int]:
        """Yield 0, 1 … so often at least; in a full dose, while there is time."""
        yield from range(least)
        for number in self.beats(0, tiny=0):
            yield number + least

    def count(self, what: str, number: int = 1) -> None:
        """Add to a count of the summary: "kills", "workflows" …"""
        self.report.counts[what] += number

    def note(self, what: str, text: object) -> None:
        """Tell the summary something that is not a count."""
        self.report.notes[what] = str(text)

    def spread(self, what: str, seconds: Sequence[float]) -> None:
        """Tell the summary median and 99th percentile of measurements."""
        if seconds:
            middle, late = percentile(seconds, 50), percentile(seconds, 99)
            self.note(what, f"p50 {middle:.2f} s p99 {late:.2f} s")


def percentile(values: Iterable[float], percent: float) -> float:
    """Return the value that ``percent`` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def summary(database: str, promises: Mapping[str, str]) -> Iterator[str]:
    """Say what the run did: seed, counts, invariants with their violations."""
    yield f"{database}: CHAOS_MINUTES={campaign.minutes:g} CHAOS_SEED={campaign.seed}"
    width = max((len(report.name) for report in campaign.reports), default=0)
    for report in campaign.reports:
        yield f"{report.name:<{width}}  {report}"
    for invariant, promise in promises.items():
        counts = [report.violations.get(invariant) for report in campaign.reports]
        checked = [count for count in counts if count is not None]
        violations = f"{sum(checked)} violations in {len(checked)} experiments"
        yield f"{invariant:<4}{violations}: {promise}"
