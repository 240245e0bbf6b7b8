"""A worker in a process of its own, on the database that is measured."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from benchmarks import running, workflows

COMMAND = [sys.executable, "-m", "django", "run_workflows"]


@contextmanager
def worker(**durable: object) -> Iterator[None]:
    """Run one for a block, with these in its DURABLE; it has nothing to do yet."""
    environment = {
        **os.environ,
        "BENCHMARK_DATABASE": str(connection.settings_dict["NAME"]),
        "BENCHMARK_DURABLE": json.dumps(durable),
    }
    process = subprocess.Popen(COMMAND, env=environment, stdout=subprocess.DEVNULL)
    try:
        for definition in (workflows.in_sequence, workflows.ain_sequence):
            definition.start(5).get_result(running.LONGEST_SECONDS)
        yield
        if process.poll() is not None:
            raise RuntimeError(f"The worker has ended with {process.returncode}.")
    except TimeoutError as error:
        error.add_note(f"The worker has ended with {process.poll()} (None: it runs).")
        raise
    finally:
        process.terminate()
        try:
            process.wait(running.ENDING_SECONDS)
        finally:
            process.kill()
            process.wait()
