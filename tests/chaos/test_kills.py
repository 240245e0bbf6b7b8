"""T-01: workers are killed, again and again, at any moment and at chosen ones."""

import signal

import pytest

from django_durable.models import Workflow
from tests.chaos.checker import HEARTBEAT, LEASE, Ended
from tests.chaos.dose import percentile
from tests.chaos.faults import POINTS
from tests.chaos.load import Load
from tests.chaos.takeovers import Takeovers

pytestmark = pytest.mark.django_db(transaction=True)

WORKERS = 4
ACTIVE = 60
PER_SECOND = 20
LATEST_POINT = 40
# How often, in a round of killing, somebody changes his mind about a workflow.
CANCELLED = 0.3
WHEN = ("before", "after")


@pytest.mark.chaos("T-01 killed workers", share=26)
def test_workflows_survive_the_deaths_of_their_workers(dose, fleet, checker, tmp_path):
    load, reaper = Load(dose.chance), Reaper(dose, fleet, checker, tmp_path)
    load.start(dose.pick(20, ACTIVE))
    reaper.man()

    with checker.watching():
        with load.feeding(ACTIVE, per_second=PER_SECOND):
            for _ in dose.beats(0.4, tiny=2.8):
                reaper.kill_one()
                if dose.chance.random() < CANCELLED:
                    cancel_one(load, checker, dose)
        reaper.spare()
        load.wait()

    latencies = reaper.takeovers.latencies()
    dose.spread("recovery", latencies)
    checker.verify(load.expected)
    assert reaper.kills >= 5
    if dose.is_full:
        assert percentile(latencies, 99) <= LEASE + 2 * HEARTBEAT


def cancel_one(load, checker, dose):
    """Cancel one that is under way."""
    active = Workflow.objects.active().filter(parent=None)
    if ids := sorted(active.values_list("pk", flat=True)):
        workflow_id = dose.chance.choice(ids)
        if Workflow.objects.cancel_one(workflow_id):
            checker.note_cancelled(workflow_id)
            load.expected[workflow_id] = Ended(status=Workflow.Status.CANCELLED)
            dose.count("cancelled")


class Reaper:
    """Keeps the fleet manned: half of the workers are born doomed."""

    def __init__(self, dose, fleet, checker, directory):
        self.takeovers = Takeovers(directory)
        self.kills = 0
        self._dose = dose
        self._fleet = fleet
        self._checker = checker
        self._alive = []

    def man(self):
        """Start what is missing."""
        while len(self._alive) < WORKERS:
            self._alive.append(self._fleet.start(faults=self._doom()))

    def kill_one(self):
        """Replace who has died at a point; when nobody has, kill somebody."""
        fallen = [worker for worker in self._alive if not worker.is_running]
        for worker in fallen or [self._dose.chance.choice(self._alive)]:
            self._kill(worker, is_aimed=bool(fallen))
        self.man()

    def spare(self):
        """Leave only workers that will live."""
        for worker in [worker for worker in self._alive if worker.faults]:
            self._kill(worker)
        while len(self._alive) < WORKERS:
            self._alive.append(self._fleet.start())

    def _kill(self, worker, *, is_aimed=False):
        worker.signal(signal.SIGKILL)
        assert worker.ended() == -signal.SIGKILL
        self._alive.remove(worker)
        self._checker.excuse(worker.pid)
        self.takeovers.note_death(worker)
        self.kills += 1
        self._dose.count("kills at chosen points" if is_aimed else "kills at any time")

    def _doom(self):
        chance = self._dose.chance
        if chance.random() < 0.5:
            return ""
        point, when = chance.choice(sorted(POINTS)), chance.choice(WHEN)
        return f"die:{point}:{when}:{chance.randrange(1, LATEST_POINT)}"
