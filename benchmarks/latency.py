"""How long does a workflow of one step take on an idle worker, start to result?

The limit is four bare commits: the start, the claim, the step, the outcome.
"""

from statistics import median
from typing import Any

from benchmarks import commits, running, workflows
from benchmarks.rounds import Case, Question

COMMITS = 4


def question(*, quick: bool) -> Question:
    """Return what to measure."""
    times = 50 if quick else 300
    return Question(
        "latency",
        "ms",
        Case("four bare commits", lambda: milliseconds_of_commits(times)),
        [
            Case("sync", lambda: milliseconds(workflows.in_sequence, times)),
            Case("async", lambda: milliseconds(workflows.ain_sequence, times)),
        ],
    )


def milliseconds_of_commits(times: int) -> float:
    """Return how long the commits alone take."""
    return 1000 * COMMITS / commits.commits_per_second(times * COMMITS)


def milliseconds(definition: Any, times: int) -> float:
    """Return the median of workflows that are started one by one."""

    def once() -> None:
        definition.start(1).get_result(running.LONGEST_SECONDS)

    with running.idle_worker(concurrency=2, async_concurrency=2):
        once()
        return 1000 * median(running.seconds_for(once) for _ in range(times))
