"""T-11: a worker is cut off, another takes over, and the first one comes back."""

from datetime import timedelta

import pytest
from django.db import connections

from django_durable import clock
from django_durable.models import Step, Worker, Workflow
from tests.chaos.checker import Ended
from tests.chaos.cuts import NAP, STEP, UPDATE, WAIT, WORKFLOW
from tests.chaos.fleet import Fleet
from tests.chaos.proxy import standing_before, through
from tests.chaos.server import leading_to
from tests.chaos.troubles import starting
from tests.journeys.processes import database_url
from tests.journeys.workflows import aheld, held, held_in_transaction, leaf, nap
from tests.running import COLD, PATIENCE, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

LEASE = {"LEASE": 1.5, "HEARTBEAT": 0.3}
TAKEN = "was taken by another worker"
HELD = (held, aheld, held_in_transaction)
# At which COMMIT the network stops, and what a workflow makes of its argument.
STOPS = {
    "transaction": (leaf, (STEP, "workflows.enter"), 0, 2),
    "outcome": (leaf, ("SET status = v.status",), 0, 2),
    "step": (leaf, (STEP, "workflows.work"), 0, 2),
    "start of a child": (starting, (WORKFLOW, STEP), 0, 2),
    "suspension": (nap, (UPDATE, "WAITING", WAIT), NAP, 1),
}


@pytest.fixture
def proxy(dose, transactional_db):
    """Make a network that only the forked workers depend on."""
    with standing_before(connections["default"].settings_dict) as proxy:
        yield proxy


@pytest.fixture
def fleet(proxy, tmp_path):
    """Fork workers that reach the database over that network."""
    with leading_to(through(proxy, connections["default"].settings_dict)):
        url = database_url()
    with Fleet(tmp_path, DATABASE_URL=url) as fleet:
        yield fleet


@pytest.mark.chaos("T-11 partitions", share=1, server=True)
def test_a_worker_that_was_cut_off_commits_nothing_late(
    dose, proxy, fleet, checker, ledger, settings
):
    settings.DURABLE = LEASE
    expected = {}

    for number in dose.rounds():
        name = dose.chance.choice(sorted(STOPS))
        partition = Partition(f"{number} {name}", ledger)
        lost = fleet.start(is_ready=True, **LEASE, **COLD)
        checker.excuse(lost.pid)
        expected |= partition.begin(proxy, STOPS[name])
        heir = partition.take_over()
        before = stored(expected)
        partition.send_late_commits(proxy, lost)
        assert stored(expected) == before
        Workflow.objects.take_away(heir.pk)
        partition.end(lost)
        lost.kill()
        dose.count("partitions")

    checker.verify(expected)


class Partition:
    """Work in the middle of which a worker is cut off, for longer than its lease."""

    def __init__(self, name, ledger):
        self._name = name
        self._ledger = ledger
        self._handles = []

    def begin(self, proxy, stop):
        """Let the worker hold steps, then stop the network at a COMMIT of it."""
        for each in HELD:
            self._start(each, self._name)
        wait_until(lambda: self._has_called(2), "a held step in each")
        definition, words, argument, result = stop
        trap = proxy.trap("stop", *words, f"{self._name} {definition.__name__}")
        self._start(definition, argument)
        assert trap.sprung.wait(PATIENCE)
        results = [(1, self._name, 2)] * len(HELD) + [result]
        ids = [handle.workflow_id for handle in self._handles]
        return {pk: Ended(result) for pk, result in zip(ids, results, strict=True)}

    def take_over(self):
        """Claim all of it, as soon as the lease is over, for somebody else."""
        heir = Worker.objects.register(Worker.Kind.WORKER)
        later = clock.now() + timedelta(hours=1)
        Worker.objects.filter(pk=heir.pk).update(heartbeat_at=later)
        pairs = [(row.name, row.version) for row in Workflow.objects.all()]
        taken = []

        def take():
            Worker.objects.declare_dead()
            Workflow.objects.requeue_abandoned()
            taken.extend(Workflow.objects.claim(heir.pk, pairs, limit=10))
            return len(taken) == len(self._handles)

        wait_until(take, "the end of a lease")
        return heir

    def send_late_commits(self, proxy, lost):
        """Let the steps end that were cut off, and the network go on."""
        self._ledger.open(self._name)
        wait_until(self._has_everything_ended, "the end of all calls")
        proxy.go_on()
        lost.wait_for("had run out")
        wait_until(lambda: lost.log.count(TAKEN) >= len(HELD), "the news of all")

    def end(self, lost):
        """See the worker go on; it repeats what it could not record."""
        for handle in self._handles:
            handle.get_result(timeout=PATIENCE)
            calls = self._ledger.calls(handle.workflow_id)
            assert {call.pid for call in calls} <= {lost.pid}
        assert self._has_called(4)

    def _start(self, definition, argument):
        workflow_id = f"{self._name} {definition.__name__}"
        self._handles.append(definition.using(workflow_id=workflow_id).start(argument))

    def _has_called(self, number):
        """Tell whether each of the workflows that are held has come so far."""
        held_ones = self._handles[: len(HELD)]
        ids = [handle.workflow_id for handle in held_ones]
        return all(len(self._ledger.calls(pk)) >= number for pk in ids)

    def _has_everything_ended(self):
        return all(call.has_ended for call in self._ledger.calls())


def stored(ids):
    """Return all that is stored of some workflows."""
    steps = Step.objects.all()
    return {
        row["id"]: [row, *steps.filter(workflow_id=row["id"]).order_by("pk").values()]
        for row in Workflow.objects.filter(pk__in=ids).values()
    }
