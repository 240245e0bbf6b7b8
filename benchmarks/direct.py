"""How many durable calls of a workflow does one thread make?

The workflow has one step. The limit is three bare commits: the workflow's row, the
step's and the outcome.
"""

from collections.abc import Iterator

from benchmarks import bare, elsewhere, running, workflows
from benchmarks.peers import dbos
from benchmarks.rounds import Case

COMMITS = 3


def cases(*, quick: bool, peer: str | None = None) -> Iterator[Case]:
    """Return what to measure."""
    calls = 100 if quick else 1000
    yield Case(
        "direct call, one step",
        "calls/s",
        lambda: per_second(calls),
        lambda: bare.commits_per_second(bare.steps(calls)) / COMMITS,
        dbos.peer(peer, "direct", calls // dbos.SHARE),
    )


def per_second(calls: int) -> float:
    """Call a workflow in this thread."""
    elsewhere.dismiss()
    workflows.in_sequence(1)

    def call() -> None:
        for _ in range(calls):
            workflows.in_sequence(1)

    return calls / running.seconds_for(call)
