"""T-05 and T-06: the database server crashes, stops, and comes back."""

import time

import pytest

from tests.chaos.fleet import Fleet
from tests.chaos.load import Load

pytestmark = pytest.mark.django_db(transaction=True)

SILENT = "The database does not answer"


@pytest.fixture
def fleet(server, tmp_path):
    """Fork workers on that server's database."""
    with Fleet(tmp_path) as fleet:
        yield fleet


@pytest.mark.chaos("T-05 crashes of the server", share=3, server=True)
def test_work_goes_on_after_each_crash_of_the_server(dose, server, fleet, checker):
    load, chance = Load(dose.chance), dose.chance
    checker.excuses = lambda call: True
    workers = [fleet.start(is_ready=True) for _ in range(2)]
    load.start(dose.pick(20, 150))

    with checker.watching():
        for _ in dose.beats(0, tiny=1.5):
            time.sleep(chance.uniform(*dose.pick((0.2, 0.6), (2, 10))))
            server.stop("immediate")
            time.sleep(chance.uniform(*dose.pick((0, 0.3), (0, 5))))
            server.start()
            dose.count("crashes")
            load.keep_up(dose.pick(0, 150))
        load.wait()

    assert all(worker.is_running for worker in workers)
    assert "Traceback" not in fleet.log
    checker.verify(load.expected)


@pytest.mark.chaos("T-06 stopped server", share=3, server=True)
def test_work_goes_on_after_a_long_stop_of_the_server(dose, server, fleet, checker):
    load = Load(dose.chance)
    checker.excuses = lambda call: True
    workers = [fleet.start(is_ready=True)]
    load.start(dose.pick(20, 150))
    down_seconds = min(60.0, dose.seconds(1))

    with checker.watching():
        server.stop("fast")
        for _ in range(2):
            workers.append(fleet.start())
            workers[-1].wait_for(SILENT)
        time.sleep(down_seconds)
        server.start()
        load.wait()

    dose.count("seconds without a server", int(down_seconds))
    assert all(worker.is_running for worker in workers)
    assert "Traceback" not in fleet.log
    checker.verify(load.expected)
