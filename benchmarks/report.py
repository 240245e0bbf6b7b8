"""What people and programs get to read."""

import json
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import django
from django.db import connection

from benchmarks.rounds import Answer

COLUMNS = ("case", "value", "p99", "unit", "limit", "ratio", "peer", "ratio", "rounds")
LEFT = (0, 3)


def table(question: str, answers: Sequence[Answer]) -> str:
    """Return the answers as lines of text, and what is to be said about them."""
    notes = _numbered(note for answer in answers for note in answer.notes)
    rows = [COLUMNS, *(_cells(answer, notes) for answer in answers)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = [_line(row, widths) for row in rows]
    lines += [f"  [{number}] {note}" for note, number in notes.items()]
    return "\n".join([f"{question} on {database()}", *lines, ""])


def json_lines(question: str, answers: Iterable[Answer]) -> str:
    """Return the answers as one line of JSON each."""
    surroundings = {
        "question": question,
        "database": database(),
        "python": platform.python_version(),
        "django": django.get_version(),
    }
    return "".join(
        json.dumps({**asdict(answer), **surroundings}) + "\n" for answer in answers
    )


def write(text: str, destination: str) -> None:
    """Append to a file; "-" is standard output."""
    if destination == "-":
        print(text, end="", flush=True)
        return
    with Path(destination).open("a") as file:
        file.write(text)


def database() -> str:
    """Return what the figures were measured on."""
    with connection.cursor():  # Opens it; only then the version is known.
        version = connection.get_database_version()
    return f"{connection.display_name} {'.'.join(map(str, version))}"


def _numbered(notes: Iterable[str]) -> dict[str, int]:
    return {note: number for number, note in enumerate(dict.fromkeys(notes), 1)}


def _cells(answer: Answer, notes: dict[str, int]) -> tuple[str, ...]:
    marks = "".join(f" [{notes[note]}]" for note in answer.notes)
    return (
        answer.case + marks,
        _number(answer.value),
        _number(answer.p99),
        answer.unit,
        _number(answer.limit),
        _number(answer.ratio_to_limit),
        _number(answer.peer),
        _number(answer.ratio_to_peer),
        str(answer.rounds),
    )


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        cell.ljust(width) if column in LEFT else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join(["  " + first, *rest]).rstrip()
