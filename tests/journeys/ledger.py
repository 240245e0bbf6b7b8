"""What was called, written down where no database and no crash can take it back.

One line per beginning and per end of a call, appended by whichever process makes
it; the order of the lines is the order of time. A file is as safe as a service that
listens: what write(2) has taken is with the system, whoever is killed after that.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
    note("begin")
    yield
    note("end")


def pass_gate(name: str, *, seconds: float = 30) -> None:
    """Wait, in a step, until the test opens a gate."""
    give_up_at = time.monotonic() + seconds
    while not is_open(name) and time.monotonic() < give_up_at:
        time.sleep(0.01)


def is_open(name: str) -> bool:
    """Tell whether the test has opened a gate."""
    return (directory() / f"gate-{name}").exists()


def claim() -> int:
    """Return the claim under which the step runs here."""
    return current_frame().execution.claim


def note(event: str) -> None:
    """Write down the beginning or the end of the call of this step."""
    here = durable.current()
    key = here.idempotency_key, here.workflow_id, claim()
    append("ledger", [event, *key, here.step_attempt, os.getpid()])


def append(name: str, words: list) -> None:
    """Write a line into a file of this test, as a whole or not at all."""
    # The line break before it keeps apart what a kill has cut off.
    line = "\n" + json.dumps(words) + "\n"
    flags = os.O_APPEND | os.O_CREAT | os.O_WRONLY
    descriptor = os.open(directory() / name, flags, 0o644)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def lines(path: Path) -> Iterator[list]:
    """Return what was appended to a file and has got there as a whole."""
    text = path.read_text() if path.exists() else ""
    for line in text.splitlines(keepends=True):
        if line.endswith("]\n"):
            with suppress(json.JSONDecodeError):
                yield json.loads(line)


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
        for event, *key in lines(self._path / "ledger"):
            if event == "begin":
                begun.append(tuple(key))
            else:
                ended[tuple(key)] += 1
        calls = [Call(*key, has_ended=ended[key] > 0) for key in begun]
        return [c for c in calls if workflow_id in (None, c.workflow_id)]
