"""What people and programs get to read."""

import json
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import django
from django.db import connection

from benchmarks.rounds import Answer

COLUMNS = ("case", "value", "p99", "unit", "limit", "ratio", "rounds")


def table(question: str, answers: Sequence[Answer]) -> str:
    """Return the answers as lines of text."""
    rows = [COLUMNS, *(_cells(answer) for answer in answers)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = [_line(row, widths) for row in rows]
    return "\n".join([f"{question} on {_database()}", *lines])


def json_lines(question: str, answers: Iterable[Answer]) -> str:
    """Return the answers as one line of JSON each."""
    surroundings = {
        "question": question,
        "database": _database(),
        "python": platform.python_version(),
        "django": django.get_version(),
    }
    return "".join(
        json.dumps({**surroundings, **asdict(answer)}) + "\n" for answer in answers
    )


def write(text: str, destination: str) -> None:
    """Append to a file; "-" is standard output."""
    if destination == "-":
        print(text, end="")
        return
    with Path(destination).open("a") as file:
        file.write(text)


def show_progress(text: str) -> None:
    """Overwrite one line of a terminal; an empty text clears it."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _cells(answer: Answer) -> tuple[str, ...]:
    return (
        answer.case,
        _number(answer.value),
        "" if answer.p99 is None else _number(answer.p99),
        answer.unit,
        _number(answer.limit),
        f"{answer.ratio:.2f}",
        str(answer.rounds),
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        cell.ljust(width) if column in (0, 3) else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join(["  " + first, *rest]).rstrip()


def _database() -> str:
    with connection.cursor():  # Opens it; only then the version is known.
        version = connection.get_database_version()
    return f"{connection.display_name} {'.'.join(map(str, version))}"
