"""T-09: the connection is cut at a COMMIT, before it arrives or after it happened."""

from collections import Counter
from itertools import product
from uuid import uuid4

import pytest

from django_durable.models import Workflow
from tests.chaos.checker import Ended
from tests.chaos.cuts import COLD_KINDS, HOT_KINDS, UPDATE, Case
from tests.journeys.workflows import held, leaf
from tests.running import COLD, PATIENCE, row_of, wait_until, worker

pytestmark = pytest.mark.django_db(transaction=True)

LIVELY = {"LEASE": 10.0, "HEARTBEAT": 0.3, "SWEEP": 1.0}
HOT = {"HOT_WAIT": 60.0, "ASYNC_HOT_WAIT": 60.0}
WHENS = ("before", "after")


@pytest.mark.chaos("T-09 kinds of COMMITs cut", share=1, server=True)
def test_a_commit_that_is_cut_happens_once(
    dose, proxy, checker, ledger, settings, tmp_path, monkeypatch
):
    monkeypatch.setenv("JOURNEY_DIRECTORY", str(tmp_path))
    settings.DURABLE = {**LIVELY, **COLD}
    cases = []

    with worker(), checker.watching():
        for number in dose.rounds():
            for kinds, hot in ((COLD_KINDS, COLD), (HOT_KINDS, HOT)):
                settings.DURABLE = {**LIVELY, **hot}
                cases += finished_cases(proxy, number, kinds)

    dose.count("cuts", proxy.cuts)
    repeated = {case.repeated for case in cases if case.repeated}
    calls = Counter(call.place for call in ledger.calls())
    assert {place for place, n in calls.items() if n > 1} == repeated
    assert max(calls.values()) == 2
    checker.excuses = lambda call: call.place in repeated
    checker.verify({case.workflow_id: case.kind.end for case in cases})


def finished_cases(proxy, number, kinds):
    """Cut each kind of COMMIT both ways, all at the same time; wait for the ends."""
    cases = [
        Case.start(proxy, kind, what, f"{number} {name}, cut {what}")
        for (name, kind), what in product(kinds.items(), WHENS)
    ]
    for case in cases:
        case.finish()
    return cases


@pytest.mark.chaos("T-09 COMMITs of a worker's life cut", share=0.3, server=True)
def test_a_cut_commit_of_a_workers_life_is_made_up_for(
    dose, proxy, checker, ledger, settings, tmp_path, monkeypatch
):
    monkeypatch.setenv("JOURNEY_DIRECTORY", str(tmp_path))
    expected = {}
    checker.excuses = lambda call: call.workflow_id.endswith("is_taken_from")

    for number in dose.rounds():
        for live, what in product(LIVES, WHENS):
            settings.DURABLE = {**LIVELY, **COLD, **SHORT.get(live, {})}
            life = Life(f"{number} cut {what} {live.__name__}", proxy, what, ledger)
            expected[life.workflow_id] = Ended(live(life))
            life.end()

    dose.count("cuts", proxy.cuts)
    checker.verify(expected)


class Life:
    """One workflow in the life of a worker whose COMMITs are cut."""

    def __init__(self, workflow_id, proxy, what, ledger):
        self.workflow_id = workflow_id
        self.ledger = ledger
        self._proxy = proxy
        self._what = what
        self._traps = []

    def cut(self, *words):
        """Cut the COMMIT that is known by its words."""
        self._traps.append(self._proxy.trap(self._what, *words))

    def wait_for_cuts(self):
        """Wait until all that were asked for have happened."""
        assert all(trap.sprung.wait(PATIENCE) for trap in self._traps), self.workflow_id

    def start(self, definition, argument):
        """Start the workflow."""
        self.handle = definition.using(workflow_id=self.workflow_id).start(argument)

    def begin_to_hold(self, **options):
        """Start it, and a worker; return that in the middle of a long step."""
        self.start(held, self.workflow_id)
        leaver = worker(**options)
        leaver.start()
        self.wait_for_calls(2)
        return leaver

    def wait_for_calls(self, number):
        """Wait until so many steps were called; more when a lease ran out again."""
        wait_until(lambda: len(self.ledger.calls(self.workflow_id)) >= number)

    def end(self):
        """Let another worker bring it to its end."""
        with worker():
            self.handle.get_result(timeout=PATIENCE)
        self.wait_for_cuts()


def begins(life):
    """Register, take over from the dead, try again what was paused."""
    life.start(leaf, 1)
    pairs = [(leaf.name, leaf.version)]
    wait_until(lambda: Workflow.objects.claim(uuid4(), pairs, limit=1), "a claim")
    paused = leaf.using(workflow_id=f"{life.workflow_id}, paused").start(1)
    Workflow.objects.filter(pk=paused.workflow_id).update(status="PAUSED")
    life.cut('INSERT INTO "django_durable_worker"')
    life.cut(UPDATE, "PAUSED", "ENQUEUED")
    life.cut(UPDATE, '"stalls" = 1')
    return 3


def leaves(life):
    """Renew the lease, put back what runs."""
    life.cut('UPDATE "django_durable_worker" SET "heartbeat_at"')
    leaver = life.begin_to_hold(drain=PATIENCE)
    life.wait_for_cuts()
    life.cut(UPDATE, "ENQUEUED", life.workflow_id)
    leaver.request_stop()
    life.ledger.open(life.workflow_id)
    assert leaver.stop()
    assert (row_of(life.handle).status, row_of(life.handle).claim) == ("ENQUEUED", 1)
    return 1, life.workflow_id, 2


def is_taken_from(life):
    """Put back what does not end in time; the lease makes up for a lost COMMIT."""
    leaver = life.begin_to_hold(drain=0)
    life.cut(UPDATE, "ENQUEUED", '"claim" + 1')
    assert not leaver.stop()
    with worker():
        life.wait_for_calls(3)
        life.ledger.open(life.workflow_id)
        life.handle.get_result(timeout=PATIENCE)
    return 1, life.workflow_id, 2


LIVES = (begins, leaves, is_taken_from)
# Only in these the lease runs out.
SHORT = {is_taken_from: {"LEASE": 2.0}}
