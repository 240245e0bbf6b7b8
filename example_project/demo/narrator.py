"""Tells a story in the terminal, with the seconds since it began."""

import sys
import threading
import time

DIM, BOLD, GREEN, RED = "2", "1", "32", "31"


class Narrator:
    """Prints sentences, facts and other processes' lines, one at a time."""

    def __init__(self) -> None:
        self.is_terminal = sys.stdout.isatty()
        self._began_at = time.monotonic()
        # The lines of other processes arrive in threads of their own.
        self._lock = threading.Lock()

    def title(self, text: str) -> None:
        """Print a headline."""
        self._print(f"\n{self._styled(text, BOLD)}\n")

    def say(self, text: str) -> None:
        """Tell what happens now."""
        seconds = f"{time.monotonic() - self._began_at:5.1f} s"
        self._print(f"{self._styled(seconds, DIM)}  {text}")

    def fact(self, text: str) -> None:
        """Add a line that belongs to the sentence before."""
        self._print(f"         {text}")

    def quote(self, speaker: str, line: str) -> None:
        """Repeat what another process has printed."""
        self._print(self._styled(f"         {speaker} | {line}", DIM))

    def confirm(self, text: str) -> None:
        """Print something that was verified."""
        self._print(f"    {self._styled('ok', GREEN)}   {text}")

    def complain(self, text: str) -> None:
        """Print something that is wrong."""
        self._print(f" {self._styled('wrong', RED)}   {text}")

    def _styled(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.is_terminal else text

    def _print(self, text: str) -> None:
        with self._lock:
            print(text, flush=True)
