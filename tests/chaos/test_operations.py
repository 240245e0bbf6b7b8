"""T-38: operators change their minds, at random, while workers are killed."""

import pytest

from django_durable.models import (
    Workflow,
)
from tests.belongings import OWNED, owner_of
from tests.chaos.limits import QueueLimits
from tests.chaos.operators import FEW, Operators
from tests.chaos.reaper import Reaper
from tests.chaos.resources import Resources
from tests.journeys.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

# Of what happens in a round, and how many of them a full run has at least.
OPERATIONS = 5
ROUNDS = 1000


@pytest.mark.chaos("T-38 operators", share=6)
def test_whatever_operators_do_while_workers_die_the_promises_hold(
    dose, fleet, checker, tmp_path, monkeypatch
):
    monkeypatch.setenv("JOURNEY_DIRECTORY", str(tmp_path))
    checker.resources = Resources.of(dose, fleet)
    checker.limits = QueueLimits(dose, FEW, concurrency=2, rate=10, period=0.5)
    operators = Operators(dose, checker)
    reaper = Reaper(dose, fleet, checker, tmp_path, workers=2)
    for _ in range(12):
        operators.start()
    with checker.limits.watching():
        reaper.man()
        for number in dose.rounds(dose.pick(12, ROUNDS)):
            for _ in range(OPERATIONS):
                operators.act()
            if number % 4 == 0:
                reaper.kill_one()
                checker.look()
        reaper.spare()
        operators.resume_all()
        wait_until(operators.has_ended, "the end of all workflows", timeout=60)

    checker.verify(operators.expected)
    assert orphans() == {}


def orphans():
    """Return what belongs to workflows that are gone."""
    known = Workflow.objects.values("pk")
    found = {}
    for model in OWNED:
        lost = model.objects.exclude(**{f"{owner_of(model)}__in": known})
        found[model.__name__] = lost.count()
    return {name: count for name, count in found.items() if count}
