"""A stored exception as a page shows it."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django_durable import redaction
from django_durable.display import visible

# So much of a stored error has its type and the beginning of its message.
ERROR_HEAD = 600
_JSON = "json:"
_HEAD = re.compile(r'json:\{"type":("(?:[^"\\]|\\.)*"),"message":("(?:[^"\\]|\\.)*"?)')
_OUR_CODE = ("/django_durable/", "\\django_durable\\")


@dataclass(frozen=True, slots=True)
class Frame:
    """Lines of a traceback that belong together; ``is_ours``: of this package."""

    text: str
    is_ours: bool


@dataclass(frozen=True, slots=True)
class ShownError:
    """What went wrong: in a line, in words, and where."""

    type: str
    message: str
    notes: tuple[str, ...] = ()
    cause: str = ""
    frames: tuple[Frame, ...] = ()

    @property
    def short_type(self) -> str:
        """The name of the class, without its module."""
        return self.type.rpartition(":")[2].rpartition(".")[2]


def shown_error(
    stored: str | None, name: str, *, step: str | None = None
) -> ShownError | None:
    """Return a stored exception, as far as the patterns let it be seen.

    Without a step it is that of the workflow, which may have come out of any step.
    """
    if stored is None:
        return None
    patterns = redaction.patterns_for(name, step)
    try:
        found = json.loads(stored.removeprefix(_JSON))
    except (ValueError, RecursionError):
        return ShownError("unknown", redaction.HIDDEN if patterns else visible(stored))
    if not isinstance(found, dict):
        shown = redaction.redacted(found, patterns, at="error")
        return ShownError("unknown", visible(shown, limit=2000))
    return _error(redaction.redacted_parts(found, patterns))


def _error(found: dict[str, Any]) -> ShownError:
    cause = found.get("cause")
    notes = found.get("notes")
    return ShownError(
        type=visible(found.get("type", "unknown"), limit=300, lines=False),
        message=visible(found.get("message", ""), limit=4000),
        notes=tuple(visible(note) for note in notes) if isinstance(notes, list) else (),
        cause=_cause(cause) if isinstance(cause, dict) else "",
        frames=tuple(frames(str(found.get("traceback") or ""))),
    )


def _cause(cause: dict[str, Any]) -> str:
    return visible(f"{cause.get('type')}: {cause.get('message')}", limit=1000)


def frames(text: str) -> Iterator[Frame]:
    """Divide a traceback, so that the frames of this package can be dimmed."""
    lines: list[str] = []
    for line in visible(text).splitlines():
        begins = line.startswith('  File "')
        ends = bool(lines) and not line.startswith("    ")
        if lines and (begins or ends):
            yield _frame(lines)
            lines = []
        lines.append(line)
    if lines:
        yield _frame(lines)


def _frame(lines: list[str]) -> Frame:
    is_frame = lines[0].startswith('  File "')
    return Frame("\n".join(lines), is_frame and any(m in lines[0] for m in _OUR_CODE))


def error_line(
    head: str | None, name: str, *, step: str | None = None, with_message: bool = True
) -> str:
    """Return type and message of a stored error by its beginning; see shown_error()."""
    found = _HEAD.match(head or "")
    if found is None:
        return ""
    parts = dict(zip(("type", "message"), map(_unquoted, found.groups()), strict=True))
    shown = redaction.redacted_parts(parts, redaction.patterns_for(name, step))
    short = str(shown["type"]).rpartition(":")[2]
    if not with_message or not shown["message"]:
        return short
    return f"{short}: {shown['message']}"


def _unquoted(text: str) -> str:
    with suppress(ValueError):
        return str(json.loads(text))
    # It was cut in the middle.
    return text.strip('"')
