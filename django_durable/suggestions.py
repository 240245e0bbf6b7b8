"""What to say about a name that does not exist."""

from collections.abc import Iterable
from difflib import get_close_matches


def unknown_names(
    kind: str, unknown: str | Iterable[str], allowed: Iterable[str]
) -> str:
    """Name what is unknown and, for each name, the allowed one that was meant.

    ``kind`` is a singular noun such as ``"option"``. The answer begins in lower
    case: ``unknown option 'quue_name'; did you mean 'queue_name'?``
    """
    choices = sorted(allowed)
    names = [unknown] if isinstance(unknown, str) else list(unknown)
    return ", ".join(_unknown_name(kind, name, choices) for name in names)


def _unknown_name(kind: str, name: str, choices: list[str]) -> str:
    if meant := nearest(name, choices):
        return f"unknown {kind} {name!r}; did you mean {meant!r}?"
    if not choices:
        return f"unknown {kind} {name!r}"
    return f"unknown {kind} {name!r}; choose from {', '.join(map(repr, choices))}"


def nearest(name: str, allowed: Iterable[str]) -> str | None:
    """Return the allowed name that looks most like this one, if any does."""
    by_lower_case = {choice.lower(): choice for choice in allowed}
    found = get_close_matches(name.lower(), by_lower_case, n=1)
    return by_lower_case[found[0]] if found else None
