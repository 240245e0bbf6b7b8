"""What was called, written down where no database and no crash can take it back.

One line per beginning and per end of a call, appended by whichever process makes
it; the order of the lines is the order of time.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import django_durable as durable
from django_durable.definitions.context import current_frame


def directory() -> Path:
    """Return where the processes of this test meet."""
    return Path(os.environ["JOURNEY_DIRECTORY"])


@dataclass(frozen=True)
class Call:
    """One call of a step, made under one claim by one process."""

    place: str
    workflow_id: str
    claim: int
    attempt: int
    pid: int
    has_ended: bool


@contextmanager
def call() -> Iterator[None]:
    """Note the call of the step that runs here, and its end."""
    _note("begin")
    yield
    _note("end")


def pass_gate(name: str, *, seconds: float = 30) -> None:
    """Wait, in a step, until the test opens a gate."""
    give_up_at = time.monotonic() + seconds
    while not is_open(name) and time.monotonic() < give_up_at:
        time.sleep(0.01)


def is_open(name: str) -> bool:
    """Tell whether the test has opened a gate."""
    return (directory() / f"gate-{name}").exists()


def _note(event: str) -> None:
    here, frame = durable.current(), current_frame()
    key = here.idempotency_key, here.workflow_id, frame.execution.claim
    line = json.dumps([event, *key, here.step_attempt, os.getpid()]) + "\n"
    flags = os.O_APPEND | os.O_CREAT | os.O_WRONLY
    descriptor = os.open(directory() / "ledger", flags, 0o644)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


class Ledger:
    """The test's side: reads what the processes wrote, and opens their gates."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self, name: str) -> None:
        """Let the steps pass that wait at a gate."""
        (self._path / f"gate-{name}").touch()

    def calls(self, workflow_id: str | None = None) -> list[Call]:
        """Return the calls, of one workflow or of all, in the order they began."""
        begun: list[tuple] = []
        ended: Counter[tuple] = Counter()
        for event, *key in self._lines():
            if event == "begin":
                begun.append(tuple(key))
            else:
                ended[tuple(key)] += 1
        calls = [Call(*key, has_ended=ended[key] > 0) for key in begun]
        return [c for c in calls if workflow_id in (None, c.workflow_id)]

    def _lines(self) -> Iterator[list]:
        path = self._path / "ledger"
        text = path.read_text() if path.exists() else ""
        for line in text.splitlines(keepends=True):
            if line.endswith("\n"):  # Else it is being written at this moment.
                yield json.loads(line)
