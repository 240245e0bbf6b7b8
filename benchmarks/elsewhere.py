"""Workers in processes of their own, on the database that is measured.

Those of the last block stay for the next one that asks for the same; whoever
measures something else sends them home with dismiss().
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import connection

from benchmarks import running, workflows
from django_durable.models import Worker

COMMAND = [sys.executable, "-m", "django", "run_workflows"]

Process = subprocess.Popen[bytes]
Processes = Sequence[Process]

# What they were asked for, and they.
_present: tuple[str, Processes] = "", ()


@contextmanager
def workers(count: int = 1, **durable: object) -> Iterator[Processes]:
    """Have some for a block, with these in their DURABLE; they have nothing to do."""
    global _present
    wanted = json.dumps([count, durable])
    if _present[0] != wanted:
        dismiss()
        _present = wanted, [start(**durable) for _ in range(count)]
        _await(_present[1])
    try:
        yield _present[1]
        if any(process.poll() is not None for process in _present[1]):
            raise RuntimeError("A worker has ended.")
    except BaseException:
        dismiss()
        raise


def dismiss() -> None:
    """Send them home."""
    global _present
    leaving, _present = _present[1], ("", ())
    for process in leaving:
        process.terminate()
    for process in leaving:
        end(process)


def start(environment: dict[str, str] | None = None, **durable: object) -> Process:
    """Start one; it is the caller's to end."""
    return subprocess.Popen(
        COMMAND,
        env={
            **os.environ,
            **(environment or {}),
            "BENCHMARK_DATABASE": str(connection.settings_dict["NAME"]),
            "BENCHMARK_DURABLE": json.dumps(durable),
        },
        stdout=subprocess.DEVNULL,
    )


def end(process: Process) -> None:
    """Let one leave in its time, and no longer."""
    try:
        process.terminate()
        process.wait(running.ENDING_SECONDS)
    finally:
        process.kill()
        process.wait()


def _await(processes: Processes) -> None:
    """Wait until all have registered and connections are warm."""
    give_up_at = time.monotonic() + running.LONGEST_SECONDS
    present = Worker.objects.filter(
        state=Worker.State.RUNNING, pid__in=[process.pid for process in processes]
    )
    while present.count() < len(processes):
        if time.monotonic() > give_up_at:
            raise TimeoutError("No worker came.")
        time.sleep(0.02)
    for definition in (workflows.in_sequence, workflows.ain_sequence) * len(processes):
        definition.start(5).get_result(running.LONGEST_SECONDS)
