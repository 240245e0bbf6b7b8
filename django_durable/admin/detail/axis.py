"""A time axis that shortens idle time, so that seconds beside days stay visible."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Interval = tuple[float, float]

# A gap is broken while it is longer than this part of what is shown to scale.
LONGEST_GAP = 0.2
MOST_BREAKS = 6
BREAK_WIDTH = 28.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of time and where it is drawn; a broken one is not to scale."""

    start: float
    end: float
    left: float
    right: float
    is_broken: bool

    def x(self, moment: float) -> float:
        """Return where a moment of this piece is drawn."""
        length = self.end - self.start
        part = (moment - self.start) / length if length > 0 else 0.0
        return self.left + part * (self.right - self.left)


@dataclass(frozen=True, slots=True)
class Axis:
    """Pieces side by side, from the left to the right."""

    pieces: tuple[Piece, ...]

    def x(self, moment: float) -> float:
        """Return where a moment is drawn; what is outside is drawn at the edge."""
        for piece in self.pieces:
            if moment <= piece.end:
                return piece.x(max(moment, piece.start))
        return self.pieces[-1].right

    @property
    def breaks(self) -> list[Piece]:
        """Return the pieces that are not to scale."""
        return [piece for piece in self.pieces if piece.is_broken]


def axis(
    start: float, end: float, busy: Iterable[Interval], *, left: float, width: float
) -> Axis:
    """Return an axis from ``start`` to ``end`` on which the longest gaps are broken."""
    end = max(end, start + 0.001)
    broken = _broken(gaps(start, end, busy), end - start)
    shown = end - start - sum(stop - begin for begin, stop in broken)
    scale = (width - BREAK_WIDTH * len(broken)) / shown if shown > 0 else 0.0
    return Axis(tuple(_pieces(start, end, sorted(broken), left, scale)))


def gaps(start: float, end: float, busy: Iterable[Interval]) -> list[Interval]:
    """Return the stretches between ``start`` and ``end`` in which nothing is busy."""
    found: list[Interval] = []
    reached = start
    for begin, stop in sorted(busy):
        if begin > reached:
            found.append((reached, min(begin, end)))
        reached = max(reached, stop)
    if reached < end:
        found.append((reached, end))
    return [(begin, stop) for begin, stop in found if stop > begin]


def _broken(found: Sequence[Interval], span: float) -> list[Interval]:
    """Choose the longest gaps, one after the other, while one is too long."""
    by_length = sorted(found, key=lambda gap: gap[1] - gap[0], reverse=True)
    broken: list[Interval] = []
    for begin, stop in by_length[:MOST_BREAKS]:
        if stop - begin <= LONGEST_GAP * span or stop - begin >= span:
            break
        broken.append((begin, stop))
        span -= stop - begin
    return broken


def _pieces(
    start: float, end: float, broken: Iterable[Interval], left: float, scale: float
) -> Iterable[Piece]:
    at = start
    for begin, stop in broken:
        right = left + (begin - at) * scale
        if begin > at:
            yield Piece(at, begin, left, right, is_broken=False)
        yield Piece(begin, stop, right, right + BREAK_WIDTH, is_broken=True)
        at, left = stop, right + BREAK_WIDTH
    if end > at:
        yield Piece(at, end, left, left + (end - at) * scale, is_broken=False)
