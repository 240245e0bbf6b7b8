"""T-15: the clocks of the workers jump, forwards and backwards, while they work."""

import os
import time
from pathlib import Path

import pytest

from django_durable.models import Wait, Worker, Workflow
from tests.chaos import workflows
from tests.chaos.checker import Ended
from tests.chaos.load import Load
from tests.journeys import ledger as notes
from tests.journeys.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

HOUR, DAY = 3600, 86400
JUMPS = (HOUR, -HOUR, DAY, -DAY)
EARLIEST, LATEST = 1, 20
# A machine with much to do is not to be taken for a clock that jumps.
PATIENT = {"LEASE": 20.0, "HEARTBEAT": 0.3}
# To which the clocks of processes agree: what a message takes on a busy machine.
AGREEMENT = 0.05
# What the workers may use of a processor, all together, while all workflows sleep.
MOST_USED = 0.5


@pytest.mark.chaos("T-15 jumping clocks", share=1)
def test_workers_follow_the_time_of_the_database(dose, fleet, checker, tmp_path):
    load, naps = Load(dose.chance), Naps(dose)
    workers = [jumping(seconds, dose, fleet) for seconds in JUMPS]
    longest = max(2.0, min(20.0, dose.slice / 2))
    naps.start(10, 0.5, longest)

    with checker.watching():
        wait_until(lambda: all_have_jumped(workers, tmp_path, load), timeout=40)
        for _ in dose.beats(1, tiny=0):
            naps.start(10, 0.5, longest)
            load.keep_up(20)
        load.wait()
        sleeping = [kind.start(HOUR) for kind in (workflows.nap, workflows.anap) * 5]
        wait_until(lambda: Wait.objects.count() == 10, "ten sleeping workflows")
        # Who loops for nothing has no quiet moment; who has just worked, soon has.
        shares = (share_of_a_processor(workers) for _ in range(5))
        used = next((share for share in shares if share < MOST_USED), MOST_USED)
        cancelled = cancel(sleeping, checker)

    late = naps.lateness()
    dose.count("jumps", len(workers))
    dose.spread("lateness", late)
    assert min(late) > -AGREEMENT
    assert used < MOST_USED
    assert Worker.objects.filter(kind=Worker.Kind.WORKER).count() == len(workers)
    checker.verify(load.expected | naps.expected | cancelled)


class Naps:
    """Workflows that sleep, and tell for how long they have slept."""

    def __init__(self, dose):
        self.expected = {}
        self._dose = dose
        self._naps = []

    def start(self, count, shortest, longest):
        """Start so many more."""
        for number in range(count):
            seconds = self._dose.chance.uniform(shortest, longest)
            definition = (workflows.nap, workflows.anap)[number % 2]
            self._naps.append((seconds, definition.start(seconds)))

    def lateness(self):
        """Return by how much each was longer than it should have been."""
        slept = [(s, h.get_result(timeout=1), h) for s, h in self._naps]
        for _, result, handle in slept:
            self.expected[handle.workflow_id] = Ended(result)
        return [result - seconds for seconds, result, _ in slept]


def cancel(handles, checker):
    """Let nobody sleep on; return how they are to end."""
    ids = [handle.workflow_id for handle in handles]
    for workflow_id in ids:
        assert Workflow.objects.cancel_one(workflow_id)
        checker.note_cancelled(workflow_id)
    return dict.fromkeys(ids, Ended(status=Workflow.Status.CANCELLED))


def jumping(seconds, dose, fleet):
    """Start a worker whose clock jumps when it has called some steps."""
    number = dose.chance.randrange(EARLIEST, LATEST)
    return fleet.start(faults=f"shift:call:{number}:{seconds}", **PATIENT)


def all_have_jumped(workers, directory, load):
    """Tell whether all clocks are wrong; give their workers steps to call."""
    load.keep_up(20)
    jumped = {pid for (pid,) in notes.lines(directory / "jumps")}
    return jumped == {worker.pid for worker in workers}


def share_of_a_processor(workers, seconds=1.0):
    """Return what some processes use of it, where the system tells."""
    before = seconds_of_a_processor(workers)
    time.sleep(seconds)
    return (seconds_of_a_processor(workers) - before) / seconds


def seconds_of_a_processor(workers):
    """Return how long some processes have run in all."""
    ticks = 0
    for worker in workers:
        path = Path(f"/proc/{worker.pid}/stat")
        if path.exists():
            ticks += sum(map(int, path.read_text().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")
