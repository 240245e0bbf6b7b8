"""T-01: workers are killed, again and again, at any moment and at chosen ones."""

import pytest

from django_durable.models import Workflow
from tests.chaos.checker import HEARTBEAT, LEASE, Ended
from tests.chaos.dose import percentile
from tests.chaos.load import Load
from tests.chaos.reaper import Reaper
from tests.chaos.resources import Resources

pytestmark = pytest.mark.django_db(transaction=True)

ACTIVE = 60
PER_SECOND = 20
LEAST = 10
# How often, in a round of killing, somebody changes his mind about a workflow.
CANCELLED = 0.3


@pytest.mark.chaos("T-01 killed workers", share=26)
def test_workflows_survive_the_deaths_of_their_workers(dose, fleet, checker, tmp_path):
    checker.resources = Resources.of(dose, fleet)
    load, reaper = Load(dose.chance), Reaper(dose, fleet, checker, tmp_path)
    load.start(dose.pick(50, ACTIVE))
    reaper.man()

    with checker.watching():
        with load.feeding(ACTIVE, per_second=PER_SECOND):
            for _ in dose.beats(0.4, tiny=2.8):
                reaper.kill_one()
                if dose.chance.random() < CANCELLED:
                    cancel_one(load, checker, dose)
            while reaper.kills < LEAST:
                reaper.kill_one()
        reaper.spare()
        load.wait()

    latencies = reaper.takeovers.latencies()
    dose.spread("recovery", latencies)
    checker.verify(load.expected)
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
