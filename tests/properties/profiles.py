"""How hard the properties are tried: 200 examples, or as many as time allows.

``CHAOS_MINUTES`` is the time that ``make chaos`` has; a quarter of it belongs to the
properties. ``CHAOS_SEED`` repeats such a run. Nothing is kept in the repository:
examples that failed become explicit ones. Where the suite runs on one database after
another, ``PROPERTIES_SHARE`` is the part of the examples that is tried again.
"""

from __future__ import annotations

import os
import secrets
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

CHAOS_MINUTES = float(os.environ.get("CHAOS_MINUTES", "0"))
OUR_PART = 1 / 4
SHARE = float(os.environ.get("PROPERTIES_SHARE", "1"))


def use_profile() -> None:
    """Make every property of the suite deterministic and patient."""
    home = Path(tempfile.gettempdir()) / f"durable-hypothesis-{os.getuid()}"
    set_hypothesis_home_dir(home)
    settings.register_profile(
        "durable",
        database=None,
        deadline=None,
        derandomize=not CHAOS_MINUTES,
        phases=set(Phase) - {Phase.reuse, Phase.explain},
        print_blob=False,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    settings.load_profile("durable")


class Explorer:
    """Tries properties on examples; ``tell`` prints a line.

    ``examples`` in the suite; in chaos, for a ``share`` of the properties' time.
    """

    def __init__(self, tell: Callable[[str], object]) -> None:
        self._tell = tell

    def __call__(
        self,
        holds: Callable[..., None],
        *,
        examples: int,
        share: float,
        **strategies: Any,
    ) -> None:
        """Try a function on what ``strategies`` give for its arguments."""
        trial = _Trial(holds, share)
        examples = _share_of(examples)

        def go(number: int | None) -> None:
            test = settings(max_examples=examples)(given(**strategies)(trial.holds))
            (test if number is None else seed(number)(test))()

        self._explore(holds.__qualname__.partition(".")[0], trial, go)

    def machine(
        self,
        machine: type[RuleBasedStateMachine],
        *,
        examples: int,
        steps: int,
        share: float,
    ) -> None:
        """Try sequences of ``steps`` rules."""
        trial = _Trial(machine, share)
        examples = _share_of(examples)
        profile = settings(max_examples=examples, stateful_step_count=steps)

        def go(number: int | None) -> None:
            run_state_machine_as_test(
                machine if number is None else seed(number)(machine), settings=profile
            )
            trial.count += examples

        self._explore(machine.__qualname__, trial, go)

    def _explore(
        self, name: str, trial: _Trial, go: Callable[[int | None], None]
    ) -> None:
        if not CHAOS_MINUTES:
            go(None)
            return
        given_seed = os.environ.get("CHAOS_SEED")
        first = int(given_seed) if given_seed else secrets.randbelow(10**6)
        self._tell(f"\n{name}: CHAOS_SEED={first}")
        number = first
        while not trial.is_over:
            go(number)
            number += 1
        self._tell(f"{name}: {trial.count} examples held")


def _share_of(examples: int) -> int:
    return max(1, round(examples * SHARE))


class _Trial:
    """A property that holds at once when the time is over; never after a failure.

    Then its example is still to be made small.
    """

    def __init__(self, holds: Callable[..., Any], share: float) -> None:
        self.count = 0
        self._holds = holds
        self._give_up_at = time.monotonic() + 60 * CHAOS_MINUTES * OUR_PART * share
        self._has_failed = False

    @property
    def is_over(self) -> bool:
        """Tell whether chaos has no more time for it."""
        is_late = time.monotonic() > self._give_up_at
        return bool(CHAOS_MINUTES) and is_late and not self._has_failed

    def holds(self, **arguments: Any) -> Any:
        """Try one example."""
        if self.is_over:
            return None
        try:
            result = self._holds(**arguments)
        except BaseException:
            self._has_failed = True
            raise
        self.count += 1
        return result
