"""T-12: workers freeze beyond their lease, at five places, and come back to life."""

import pytest

from django_durable.models import Worker
from tests.chaos.checker import LEASE
from tests.chaos.load import Load
from tests.journeys.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

PLACES = {
    "in a step": "call:after",
    "before a transaction": "begin:before",
    "inside a transaction": "commit:before",
    "before the outcome": "outcome:before",
    "in the heartbeat": "heartbeat:before",
}
EARLIEST, LATEST = 2, 10
ACTIVE = 30
# Six workers at a time: they share the connections that a server takes.
SMALL = ("--concurrency=2", "--async-concurrency=2")


@pytest.mark.chaos("T-12 frozen workers", share=2)
def test_what_a_frozen_worker_still_writes_changes_nothing(dose, fleet, checker):
    load = Load(dose.chance)
    load.start(ACTIVE)
    fleet.start(*SMALL)

    with checker.watching():
        for _ in dose.rounds():
            zombies = [freezing(place, dose, fleet) for place in PLACES]
            for zombie in zombies:
                checker.excuse(zombie.pid)
            wait_until(lambda each=zombies: have_returned(each, load), timeout=60)
            for zombie in zombies:
                zombie.kill()
            dose.count("frosts", len(zombies))
        load.wait()

    checker.verify(load.expected)


def freezing(place, dose, fleet):
    """Start a worker that freezes at a place until its lease is over.

    Some wake up while others still execute what was theirs.
    """
    number = dose.chance.randrange(EARLIEST, LATEST)
    seconds = dose.chance.uniform(1.1, dose.pick(1.5, 3)) * LEASE
    return fleet.start(*SMALL, faults=f"freeze:{PLACES[place]}:{number}:{seconds:.2f}")


def have_returned(zombies, load):
    """Tell whether each has lost its lease and registered anew; give them work."""
    load.keep_up(ACTIVE)
    rows = Worker.objects.filter(pid__in=[zombie.pid for zombie in zombies])
    pids = list(rows.values_list("pid", flat=True))
    return all(pids.count(zombie.pid) >= 2 for zombie in zombies)
