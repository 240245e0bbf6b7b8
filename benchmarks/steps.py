"""How fast are the steps of one workflow, one after the other?

The limit is one connection that inserts such rows and commits each.
"""

from typing import Any

from benchmarks import commits, running, workflows
from benchmarks.rounds import Case, Question


def question(*, quick: bool) -> Question:
    """Return what to measure."""
    steps = 500 if quick else 3000
    return Question(
        "steps",
        "steps/s",
        Case("bare insert and commit", lambda: commits.commits_per_second(steps)),
        [
            Case("sync", lambda: steps_per_second(workflows.in_sequence, steps)),
            Case("async", lambda: steps_per_second(workflows.ain_sequence, steps)),
        ],
    )


def steps_per_second(definition: Any, steps: int) -> float:
    """Let an idle worker execute one long workflow."""
    with running.idle_worker(concurrency=2, async_concurrency=2):
        definition.start(5).get_result(running.LONGEST_SECONDS)
        return steps / running.seconds_for(
            lambda: definition.start(steps).get_result(running.LONGEST_SECONDS)
        )
