"""The site and the workers, each a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


class ManagedProcess:
    """A management command that runs until it is stopped or killed."""

    def __init__(
        self, name: str, *arguments: str, on_line: Callable[[str], None] | None = None
    ) -> None:
        self.name = name
        self.is_quoted = on_line is not None
        self.last_lines: deque[str] = deque(maxlen=25)
        self._on_line = on_line
        self._process = subprocess.Popen(
            [sys.executable, "-u", "manage.py", *arguments],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Ctrl-C is for the demo, which then ends its processes in order.
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Tell whether the process runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process at once, as a crash or a power cut does."""
        self._signal(signal.SIGKILL)
        self._process.wait()

    def stop(self, *, patience: float = 8) -> None:
        """Ask the process to leave, and kill what is left of it."""
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=patience)
        self.kill()
        self._reader.join(timeout=2)

    def _signal(self, number: int) -> None:
        # Its whole session: no process of a process is left behind.
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.last_lines.append(line.rstrip())
            if self._on_line is not None:
                self._on_line(line.rstrip())


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
