"""What a person sees meanwhile."""

import shutil
import sys

WIDTH = 24


class Bar:
    """One line of a terminal that is drawn anew; elsewhere nothing."""

    def __init__(self, cases: int) -> None:
        self._cases = cases
        self._done = 0
        self._is_shown = sys.stderr.isatty()

    def advance(self) -> None:
        """One case is through."""
        self._done += 1

    def show(self, text: str) -> None:
        """Say what is measured now."""
        filled = WIDTH * self._done // max(1, self._cases)
        bar = "#" * filled + "-" * (WIDTH - filled)
        self._draw(f"[{bar}] {self._done}/{self._cases}  {text}")

    def clear(self) -> None:
        """Leave the line to others."""
        self._draw("")

    def _draw(self, text: str) -> None:
        if self._is_shown:
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\x1b[K{text[:width]}", end="", file=sys.stderr, flush=True)
