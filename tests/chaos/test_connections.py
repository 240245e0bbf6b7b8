"""T-33: there are fewer connections than whoever wants one."""

import pytest

from django_durable.models import Worker
from tests.chaos.checker import Ended
from tests.chaos.fleet import Fleet
from tests.chaos.load import Load
from tests.chaos.troubles import hoarding
from tests.journeys.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

MOST = 20
ACTIVE = 100
ADVICE = "The database takes no more connections. Lower CONCURRENCY"


@pytest.fixture
def small_server(server):
    """Let the server take few connections only."""
    server.configure(max_connections=MOST)
    yield
    server.configure(max_connections=100)


@pytest.fixture
def fleet(small_server, tmp_path):
    """Fork workers on that server's database, which share a small pool."""
    with Fleet(tmp_path, CHAOS_POOL="4") as fleet:
        yield fleet


@pytest.mark.chaos("T-33 too few connections", share=1, server=True)
def test_a_worker_goes_on_when_it_gets_fewer_connections_than_it_has_threads(
    dose, fleet, checker, ledger
):
    load = Load(dose.chance)
    checker.excuses = lambda call: True
    # Not a second worker beside it: that one would need connections, too.
    worker = fleet.start("--concurrency=32", is_ready=True, LEASE=15.0)

    with checker.watching():
        for number in dose.rounds():
            gate = f"gate-{number}"
            load.expected |= take_all_connections(gate, ledger)
            load.start(dose.pick(40, ACTIVE))
            wait_until(lambda: ADVICE in fleet.log, "a refused connection", timeout=30)
            wait_for_heartbeats(2)
            ledger.open(gate)
            load.wait()
            dose.count("hoards")

    assert worker.is_running
    assert "Traceback" not in fleet.log
    checker.verify(load.expected)


def take_all_connections(gate, ledger):
    """Have a step hold all that the server has left, until its gate is opened."""
    handle = hoarding.using(workflow_id=gate).start(gate)
    wait_until(lambda: ledger.calls(gate), "the hoarding step", timeout=30)
    return {handle.workflow_id: Ended(gate)}


def wait_for_heartbeats(number):
    """Wait until the worker has beaten so often."""
    for _ in range(number):
        workers = Worker.objects.filter(state=Worker.State.RUNNING)
        seen = workers.latest("heartbeat_at").heartbeat_at
        later = workers.filter(heartbeat_at__gt=seen)
        wait_until(later.exists, "a heartbeat", timeout=30)
