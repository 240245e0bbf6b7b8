"""How long ago something was, in few characters: ``38 s``, ``4 m``, ``1 h 3 m``."""

from datetime import datetime

_UNITS = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def age(since: datetime | None, now: datetime) -> str:
    """Return the time since a moment, ``""`` for None; what is to come is ``0 s``."""
    if since is None:
        return ""
    seconds = max(0, int((now - since).total_seconds()))
    for index, (size, name) in enumerate(_UNITS):
        if seconds >= size:
            whole, rest = divmod(seconds, size)
            text = f"{whole} {name}"
            if name in ("d", "h"):
                next_size, next_name = _UNITS[index + 1]
                text += f" {rest // next_size} {next_name}" if rest >= next_size else ""
            return text
    return "0 s"
