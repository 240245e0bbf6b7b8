"""How fast are the steps of one workflow, one after the other?

The limit is one connection that inserts such rows and commits each.
"""

from collections.abc import Iterator
from typing import Any

from benchmarks import bare, elsewhere, running, workflows
from benchmarks.peers import dbos
from benchmarks.rounds import Case


def cases(*, quick: bool, peer: str | None = None) -> Iterator[Case]:
    """Return what to measure."""
    steps = 500 if quick else 3000
    for name, definition in (
        ("sync", workflows.in_sequence),
        ("async", workflows.ain_sequence),
    ):
        yield Case(
            f"steps of one workflow, {name}",
            "steps/s",
            lambda definition=definition: steps_per_second(definition, steps),
            lambda: bare.commits_per_second(bare.steps(steps)),
            dbos.peer(peer, "steps", definition.__name__, steps // dbos.SHARE),
        )


def steps_per_second(definition: Any, steps: int) -> float:
    """Let an idle worker execute one long workflow."""
    with elsewhere.workers():
        return steps / running.seconds_for(
            lambda: definition.start(steps).get_result(running.LONGEST_SECONDS)
        )
