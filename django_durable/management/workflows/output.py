"""What a subcommand prints: tables for people, JSON for programs."""

import json
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeAlias

from django.core.management.base import OutputWrapper
from django.core.management.color import Style
from django.utils import timezone

from django_durable.display import visible
from django_durable.models.status import Status

Paint: TypeAlias = Callable[[str], str]
Cell: TypeAlias = "str | tuple[str, Paint]"

WIDEST_CELL = 60
_GAP = "  "


class Output:
    """Where a subcommand writes; data to the standard output, the rest beside it.

    Texts may come from anywhere: all are made safe for a terminal here. JSON holds
    ASCII only.
    """

    def __init__(
        self,
        stdout: OutputWrapper,
        stderr: OutputWrapper,
        style: Style,
        *,
        is_json: bool,
    ) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self.style = style
        self.is_json = is_json

    def document(self, value: Any) -> None:
        """Print one JSON document."""
        self.stdout.write(json.dumps(value, indent=2))

    def record(self, value: Any) -> None:
        """Print one line of JSON, at once: there may be many of them."""
        self.stdout.write(json.dumps(value))
        self.stdout.flush()

    def line(self, text: str = "", paint: Paint | None = None) -> None:
        """Print a line."""
        self.stdout.write(one_line(text), paint)

    def lines(self, text: str, *, indent: str = "") -> None:
        """Print a text with its own line breaks."""
        for line in text.split("\n"):
            self.line(f"{indent}{line}")

    def note(self, text: str) -> None:
        """Tell people something that is no data."""
        self.stderr.write(one_line(text), str)

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
        """Print rows in aligned columns; the first column is never cut."""
        texts = [[_text(cell) for cell in row] for row in rows]
        cut = [
            [row[0], *(shortened(cell, WIDEST_CELL) for cell in row[1:])]
            for row in ([(text) for text, _ in row] for row in texts)
        ]
        widths = [
            max(map(width, column)) for column in zip(headings, *cut, strict=True)
        ]
        self._row(headings, [self.style.MIGRATE_HEADING] * len(headings), widths)
        for cells, row in zip(cut, texts, strict=True):
            self._row(cells, [paint for _, paint in row], widths)

    def pairs(self, rows: Iterable[tuple[str, Cell]]) -> None:
        """Print names and values, one pair a line."""
        found = [(name, *_text(cell)) for name, cell in rows]
        widest = max((width(name) for name, _, _ in found), default=0)
        for name, text, paint in found:
            self.stdout.write(f"{name:<{widest}}{_GAP}{paint(text)}".rstrip())

    def status(self, status: str, more: str = "") -> Cell:
        """Return a status in the words of the admin, and in its colour."""
        shown = Status(status).label if status in Status.values else status
        paints = {
            Status.SUCCESS: self.style.SUCCESS,
            Status.ERROR: self.style.ERROR,
            Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED: self.style.ERROR,
            Status.PAUSED: self.style.WARNING,
            Status.CANCELLED: self.style.WARNING,
        }
        return f"{shown}{more}", paints.get(status, str)  # type: ignore[call-overload]

    def _row(
        self, cells: Sequence[str], paints: Sequence[Paint], widths: Sequence[int]
    ) -> None:
        padded = [
            paint(cell) + " " * (wide - width(cell))
            for cell, paint, wide in zip(cells, paints, widths, strict=True)
        ]
        self.stdout.write(_GAP.join(padded).rstrip())


def one_line(text: str) -> str:
    """Return a text from anywhere as one line that steers no terminal."""
    return visible(text, lines=False)


def width(text: str) -> int:
    """Return how many columns of a terminal a visible text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(each) else _columns(each) for each in text)


def shortened(text: str, longest: int) -> str:
    """Return a text that is cut to so many characters."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def moment(value: datetime | None) -> str:
    """Return a time as people here read it."""
    if value is None:
        return ""
    with suppress(OverflowError):  # At the end of the calendar: somebody's own doing.
        value = timezone.localtime(value)
    return value.strftime("%Y-%m-%d %H:%M:%S")


def stamp(value: datetime | None) -> str | None:
    """Return a time as programs read it."""
    return None if value is None else value.isoformat()


def duration(seconds: float) -> str:
    """Return a length of time in its two largest units."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    for unit, size, smaller, part in _SIZES:
        if seconds >= size:
            whole, rest = divmod(int(seconds), size)
            return f"{whole} {unit} {rest // part} {smaller}"
    raise AssertionError(seconds)


_SIZES = (("d", 86_400, "h", 3600), ("h", 3600, "m", 60), ("m", 60, "s", 1))


def _columns(character: str) -> int:
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _text(cell: Cell) -> tuple[str, Paint]:
    given, paint = (cell, str) if isinstance(cell, str) else cell
    return one_line(given), paint
