"""Running workflows through a worker of this process, and timing them."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from django_durable import signals
from django_durable.worker import Worker

# However slow the machine is, a round ends.
LONGEST_SECONDS = 120.0
# How long a worker may take to leave.
ENDING_SECONDS = 20.0


def seconds_for(call: Callable[[], object]) -> float:
    """Return how long a call takes."""
    started_at = time.perf_counter()
    call()
    return time.perf_counter() - started_at


@contextmanager
def idle_worker(**options: Any) -> Iterator[Worker]:
    """Run a worker that has found out that there is nothing to do."""
    with Worker(**options) as worker:
        give_up_at = time.monotonic() + LONGEST_SECONDS
        while not worker.is_idle and time.monotonic() < give_up_at:
            time.sleep(0.01)
        yield worker


def enqueue(definition: Any, workflows: int, *args: object) -> None:
    """Start many workflows in one transaction."""
    with transaction.atomic():
        for _ in range(workflows):
            definition.start(*args)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE django_durable_workflow")


@contextmanager
def finished(workflows: int) -> Iterator[threading.Event]:
    """Give an event that is set when so many workflows have finished."""
    done, left, lock = threading.Event(), [workflows], threading.Lock()

    def count(**_: object) -> None:
        with lock:
            left[0] -= 1
            if left[0] <= 0:
                done.set()

    signals.workflow_finished.connect(count, weak=False)
    try:
        yield done
    finally:
        signals.workflow_finished.disconnect(count)


def await_event(done: threading.Event) -> None:
    """Wait for an event; raise TimeoutError after LONGEST_SECONDS."""
    if not done.wait(LONGEST_SECONDS):
        raise TimeoutError(f"The round was not over after {LONGEST_SECONDS:g} s.")
