"""Lengths of time in few characters: ``2.1 s``, ``1 h 3 m``."""

from datetime import datetime, timedelta

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60))


def length(given: timedelta | float | None) -> str:
    """Return a length of time in at most two units; ``–`` for None."""
    if given is None:
        return "–"
    seconds = given.total_seconds() if isinstance(given, timedelta) else given
    if seconds < 0:
        return "–"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    return _in_units(round(seconds))


def between(start: datetime | None, end: datetime | None) -> str:
    """Return the time from start to end; ``–`` where one of them is missing."""
    return length(end - start) if start is not None and end is not None else "–"


def _in_units(seconds: int) -> str:
    for index, (name, size) in enumerate(_UNITS):
        if seconds >= size:
            count, rest = divmod(seconds, size)
            lesser, lesser_size = (*_UNITS, ("s", 1))[index + 1]
            lesser_count = rest // lesser_size
            return f"{count} {name}" + (
                f" {lesser_count} {lesser}" if lesser_count else ""
            )
    return f"{seconds} s"
