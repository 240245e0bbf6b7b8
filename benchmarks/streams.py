"""How many values does a workflow write to a stream in a second?

From its body each value is a step, written exactly once; from inside a step
values are written together. The limit is one connection that inserts and commits
one row at a time.
"""

from typing import Any

from benchmarks import commits, elsewhere, running, workflows
from benchmarks.rounds import Case, Question


def question(*, quick: bool) -> Question:
    """Return what to measure."""
    single = 300 if quick else 2000
    many = 5000 if quick else 30000
    return Question(
        "streams",
        "values/s",
        Case("bare insert and commit", lambda: commits.commits_per_second(single)),
        [
            Case("from a body", lambda: per_second(workflows.writes, single)),
            Case("from a step", lambda: per_second(workflows.writes_inside, many)),
            Case(
                "from an async step",
                lambda: per_second(workflows.awrites_inside, many),
            ),
        ],
    )


def per_second(definition: Any, values: int) -> float:
    """Have a worker elsewhere write so many values."""

    def write() -> None:
        definition.start(values).get_result(running.LONGEST_SECONDS)

    with elsewhere.worker():
        definition.start(100).get_result(running.LONGEST_SECONDS)
        return values / running.seconds_for(write)
