"""How many workflows are enqueued per second?

The limit inserts rows like a workflow's, through as many connections.
"""

import threading
from collections.abc import Iterator

from django.db import connection

from benchmarks import bare, elsewhere, running, workflows
from benchmarks.peers import dbos
from benchmarks.rounds import Case


def cases(*, quick: bool, peer: str | None = None) -> Iterator[Case]:
    """Return what to measure."""
    number = 400 if quick else 3000
    for threads in (1, 8):
        yield Case(
            f"start, {threads} {'thread' if threads == 1 else 'threads'}",
            "workflows/s",
            lambda threads=threads: per_second(number, threads),
            lambda threads=threads: bare.commits_per_second(
                bare.workflows(number), threads=threads
            ),
            dbos.peer(peer, "enqueueing", number // dbos.SHARE, threads),
        )


def per_second(number: int, threads: int) -> float:
    """Start workflows, each in a commit of its own, while no worker runs."""
    elsewhere.dismiss()
    ready = threading.Barrier(threads + 1)

    def start_some() -> None:
        try:
            workflows.in_sequence.start(1)
            ready.wait()
            for _ in range(number // threads):
                workflows.in_sequence.start(1)
        finally:
            connection.close()

    crew = [threading.Thread(target=start_some) for _ in range(threads)]
    for each in crew:
        each.start()
    ready.wait()

    def finish() -> None:
        for each in crew:
            each.join()

    return number / running.seconds_for(finish)
