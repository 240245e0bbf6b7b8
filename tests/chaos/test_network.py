"""T-09 and T-10: a network that cuts, refuses and delays at random."""

import time
from random import Random

import pytest

from tests.chaos.fleet import Fleet
from tests.chaos.load import Load

pytestmark = pytest.mark.django_db(transaction=True)

ACTIVE = 100


@pytest.fixture
def fleet(proxy, tmp_path):
    """Fork workers that reach the database over that network."""
    with Fleet(tmp_path) as fleet:
        yield fleet


@pytest.mark.chaos("T-09 COMMITs cut at random", share=2, server=True)
def test_work_goes_on_over_a_bad_network(dose, proxy, fleet, checker):
    load = Load(dose.chance)
    checker.excuses = lambda call: True
    workers = [fleet.start(is_ready=True) for _ in range(dose.pick(1, 3))]
    load.start(dose.pick(20, ACTIVE))

    proxy.judges.append(Hazard(dose.chance.random(), dose.pick(0.1, 0.03)))
    with checker.watching():
        for _ in dose.beats(0, tiny=1):
            time.sleep(dose.chance.uniform(0.2, 0.6))
            disturb(proxy, dose)
            load.keep_up(dose.pick(0, ACTIVE))
        proxy.heal()
        load.wait()

    dose.count("COMMITs cut", proxy.cuts)
    dose.count("connections made", proxy.newcomers)
    assert proxy.cuts > 0
    assert all(worker.is_running for worker in workers)
    assert "Traceback" not in fleet.log
    checker.verify(load.expected)


class Hazard:
    """Cuts a share of all COMMITs, before or after they happen."""

    def __init__(self, seed, share):
        self._chance = Random(seed)
        self._share = share

    def __call__(self, committed):
        """Judge what is being committed."""
        if self._chance.random() > self._share:
            return None
        return self._chance.choice(["before", "after"])


def disturb(proxy, dose):
    """Do one more thing that networks do, for a moment."""
    what = dose.chance.choice(["reset", "refuse", "delay", "stop"])
    if what == "reset":
        proxy.reset()
        return
    seconds = dose.chance.uniform(0.05, dose.pick(0.2, 2))
    if what == "refuse":
        proxy.refuse()
        proxy.reset()
    elif what == "delay":
        proxy.delay(0.1)
    else:
        proxy.stop()
    time.sleep(seconds)
    proxy.calm()
