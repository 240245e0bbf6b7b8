"""How much memory a worker takes up."""

from mmap import PAGESIZE
from pathlib import Path

_STATM = Path("/proc/self/statm")


def resident_bytes() -> int | None:
    """Return how much memory this process has resident now; None where unknown.

    Linux tells it. Elsewhere the standard library knows only the peak, which
    would pass for the present.
    """
    try:
        return int(_STATM.read_text("ascii").split()[1]) * PAGESIZE
    except (OSError, ValueError, IndexError):
        return None
