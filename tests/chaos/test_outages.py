"""T-05 and T-06: the database server crashes, stops, and comes back."""

import time

import pytest

from tests.chaos.fleet import Fleet
from tests.chaos.load import Load
from tests.journeys.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

LATEST_CALL_SECONDS = 6
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
def test_work_goes_on_after_a_long_stop_of_the_server(
    dose, server, fleet, checker, ledger
):
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
        load.start(1)  # When it can be; all others may have ended.
        said, called = lines(fleet.log), len(ledger.calls())
        time.sleep(down_seconds)
        chatter = (lines(fleet.log) - said) / down_seconds / len(workers)
        server.start()
        began_at = time.monotonic()

        def goes_on():
            load.start(0)  # What could not be started so far.
            return len(ledger.calls()) > called

        wait_until(goes_on, "a call", timeout=30)
        delay = time.monotonic() - began_at
        load.wait()

    dose.count("seconds without a server", int(down_seconds))
    dose.note("first call", f"{delay:.1f} s after its return")
    assert all(worker.is_running for worker in workers)
    assert "Traceback" not in fleet.log
    if dose.is_full:
        assert delay <= LATEST_CALL_SECONDS
        assert chatter <= 1
    checker.verify(load.expected)


def lines(log):
    """Return how many messages a log has."""
    return sum(line[:1].isdigit() for line in log.splitlines())
