"""How many steps per second does one worker do when many workflows wait?

The limit is what one connection commits, one row at a time; group commit is
what goes beyond it.
"""

from typing import Any

from benchmarks import commits, running, workflows
from benchmarks.rounds import Case, Question
from django_durable.worker import Worker

STEPS = 5
AT_A_TIME = 50


def question(*, quick: bool) -> Question:
    """Return what to measure."""
    queued = 300 if quick else 2000
    sync, concurrent = workflows.in_sequence, workflows.ain_sequence
    return Question(
        "throughput",
        "steps/s",
        Case("bare insert and commit", lambda: commits.commits_per_second(queued)),
        [
            Case(f"{AT_A_TIME} threads", lambda: steps_per_second(sync, queued)),
            Case(f"{AT_A_TIME} tasks", lambda: steps_per_second(concurrent, queued)),
        ],
    )


def steps_per_second(definition: Any, queued: int) -> float:
    """Let a new worker empty the queue."""
    running.enqueue(definition, queued, STEPS)
    with running.finished(queued) as done:
        with Worker(concurrency=AT_A_TIME, async_concurrency=AT_A_TIME):
            seconds = running.seconds_for(lambda: running.await_event(done))
        return queued * STEPS / seconds
