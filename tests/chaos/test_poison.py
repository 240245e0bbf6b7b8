"""T-16: steps that kill whatever process runs them, among others that do not."""

import pytest

from django_durable.exceptions import WorkflowDeadLettered
from django_durable.models import Worker, Workflow
from tests.chaos.checker import Ended
from tests.chaos.load import Load
from tests.journeys import workflows
from tests.journeys.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

DEAD = "MAX_RECOVERY_ATTEMPTS_EXCEEDED"
WORKERS = 2


@pytest.mark.chaos("T-16 poisoned workflows", share=1)
def test_poison_dies_alone_and_all_others_succeed(dose, fleet, checker, ledger):
    load, hospital = Load(dose.chance), Hospital(fleet, checker)
    load.start(dose.pick(10, 60))
    handles = []

    with checker.watching():
        for _ in dose.rounds():
            poisoned = [workflows.poisoned.start() for _ in range(dose.pick(1, 3))]
            handles += poisoned
            load.start(10)
            wait_until(lambda p=poisoned: hospital.has_lost(p), timeout=60)
        load.wait()

    dose.count("dead letters", len(handles))
    ends = {handle.workflow_id: Ended(status=DEAD) for handle in handles}
    checker.verify(load.expected | ends)
    for handle in handles:
        assert_it_died_in_company_at_most_twice_and_then_alone(handle, ledger)
    assert_it_can_be_healed(handles[0], ledger)


class Hospital:
    """Replaces the workers that have died."""

    def __init__(self, fleet, checker):
        self._fleet = fleet
        self._checker = checker

    def has_lost(self, handles):
        """Tell whether these are dead; keep the fleet manned meanwhile."""
        for worker in self._fleet.workers:
            if not worker.is_running:
                self._checker.excuse(worker.pid)
        while len(self._fleet.running) < WORKERS:
            self._fleet.start()
        ids = [handle.workflow_id for handle in handles]
        return Workflow.objects.filter(pk__in=ids, status=DEAD).count() == len(ids)


def assert_it_died_in_company_at_most_twice_and_then_alone(handle, ledger):
    """Two deaths alone are the limit; nothing else ran beside it there."""
    pids = [call.pid for call in ledger.calls(handle.workflow_id)]
    kinds = [Worker.objects.filter(pid=pid).latest("started_at").kind for pid in pids]
    assert kinds[-2:] == ["quarantine"] * 2
    assert kinds[:-2] == ["worker"] * (len(kinds) - 2)
    assert len(set(pids)) == len(pids) <= 4
    assert not calls_cut_short(ledger, but=handle).intersection(pids[-2:])


def calls_cut_short(ledger, *, but):
    """Return the processes in which calls of other workflows did not end."""
    others = [c for c in ledger.calls() if c.workflow_id != but.workflow_id]
    return {call.pid for call in others if not call.has_ended}


def assert_it_can_be_healed(handle, ledger):
    """A person who has found the cause resumes it."""
    with pytest.raises(WorkflowDeadLettered):
        handle.get_result(timeout=1)
    row = Workflow.objects.filter(pk=handle.workflow_id)
    assert row.get().recovery_attempts == 2

    ledger.open("antidote")
    row.get().resume()

    assert handle.get_result(timeout=20) == "survived"
    assert (row.get().recovery_attempts, row.get().stalls) == (0, 0)
