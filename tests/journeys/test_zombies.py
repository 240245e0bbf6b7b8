"""A worker that freezes past its lease and comes back to what is not its own."""

import signal
from datetime import timedelta

import pytest

from django_durable import clock
from django_durable.models import Step, Worker, Workflow
from tests.journeys import workflows
from tests.journeys.processes import wait_until
from tests.models import Entry

pytestmark = pytest.mark.django_db(transaction=True)

HELD = [workflows.held, workflows.aheld, workflows.aheld_in_thread]


@pytest.mark.parametrize("definition", HELD, ids=lambda held: held.__name__)
def test_a_worker_frozen_past_its_lease_changes_nothing(definition, processes, ledger):
    zombie, heir = freeze_in_a_step(definition, processes, ledger)
    handle = only_handle(definition)
    ledger.open("gate")
    assert handle.get_result(timeout=10) == (1, "gate", 2)
    before = stored_rows()

    zombie.signal(signal.SIGCONT)
    zombie.wait_for("had run out")
    zombie.wait_for("was taken by another worker")

    assert stored_rows() == before
    calls = ledger.calls(handle.workflow_id)
    assert [call.pid for call in calls] == [zombie.pid, zombie.pid, heir.pid, heir.pid]
    assert_it_goes_on_with_other_work(zombie, heir, ledger)


def test_a_transaction_of_a_frozen_worker_is_rolled_back(processes, ledger, server):
    definition = workflows.held_in_transaction
    zombie, heir = freeze_in_a_step(definition, processes, ledger)
    handle = only_handle(definition)
    ledger.open("gate")
    assert handle.get_result(timeout=10) == (1, "gate", 2)
    before = stored_rows()

    zombie.signal(signal.SIGCONT)
    zombie.wait_for("was taken by another worker")

    assert stored_rows() == before
    assert len(before["entries"]) == 1
    assert_it_goes_on_with_other_work(zombie, heir, ledger)


def test_a_worker_frozen_before_its_commit_does_not_keep_the_row(
    processes, ledger, server, tmp_path
):
    zombie = processes.worker(JOURNEY_FAULTS="freeze_at_commit")
    handle = workflows.leaf.start(1)
    wait_until((tmp_path / "frozen").exists)
    processes.worker()

    assert handle.get_result(timeout=10) == 3
    before = stored_rows()
    zombie.signal(signal.SIGCONT)
    zombie.wait_for("had run out")
    other = workflows.leaf.start(2)

    assert other.get_result(timeout=10) == 4
    assert len(before["entries"]) == 1
    assert [step["claim"] for step in before["steps"]] == [1, 3]
    assert stored_rows(handle.workflow_id)["steps"] == before["steps"]
    assert Entry.objects.count() == 2


def test_a_worker_that_wakes_up_claims_nothing_under_its_old_lease(processes, ledger):
    worker = processes.worker()
    worker.freeze()
    row = Worker.objects.filter(pid=worker.pid)
    beat_at = row.get().heartbeat_at
    wait_until(lambda: clock.now() - beat_at > timedelta(seconds=1.5))
    handle = workflows.leaf.start(1)

    worker.signal(signal.SIGCONT)

    assert handle.get_result(timeout=10) == 3
    stored = Workflow.objects.get()
    assert (stored.claim, stored.stalls) == (1, 0)
    assert len(ledger.calls()) == 2
    assert row.count() == 2


def freeze_in_a_step(definition, processes, ledger):
    """Stop a worker in the second step; return it and the one that took over."""
    zombie = processes.worker()
    definition.start("gate")
    wait_until(lambda: len(ledger.calls()) == 2)
    zombie.freeze()
    heir = processes.worker()
    wait_until(lambda: len(ledger.calls()) == 3)
    return zombie, heir


def only_handle(definition):
    """Return the handle of the one workflow there is."""
    return definition.using(workflow_id=Workflow.objects.get().pk).start("gate")


def stored_rows(workflow_id=None):
    """Return all that is stored of workflows."""
    chosen = {} if workflow_id is None else {"workflow_id": workflow_id}
    return {
        "workflows": list(Workflow.objects.order_by("pk").values()),
        "steps": list(Step.objects.filter(**chosen).order_by("pk").values()),
        "entries": list(Entry.objects.order_by("pk").values()),
    }


def assert_it_goes_on_with_other_work(zombie, heir, ledger):
    """The zombie registers anew, and executes what comes next."""
    heir.kill()
    wait_until(lambda: Worker.objects.filter(pid=zombie.pid).count() == 2)
    newest = Worker.objects.filter(pid=zombie.pid).latest("started_at")
    assert newest.state == Worker.State.RUNNING
    other = workflows.leaf.start(1)
    assert other.get_result(timeout=10) == 3
    assert {call.pid for call in ledger.calls(other.workflow_id)} == {zombie.pid}
