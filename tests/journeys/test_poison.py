"""A step that kills whatever process runs it."""

import signal

import pytest

from django_durable.exceptions import WorkflowDeadLettered
from django_durable.models import Step, Worker, Workflow
from tests.journeys import workflows
from tests.journeys.processes import is_alive, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

DEAD = "MAX_RECOVERY_ATTEMPTS_EXCEEDED"


def test_a_poisoned_workflow_dies_alone_and_can_be_resumed(processes, ledger):
    supervisor = processes.worker("--processes=2")
    poisoned = workflows.poisoned.start()
    innocent = [workflows.nap.start(seconds) for seconds in (0.1, 1, 2, 3)]

    row = Workflow.objects.filter(pk=poisoned.workflow_id)
    wait_until(row.filter(status=DEAD).exists, "the dead letter", timeout=25)
    assert [handle.get_result(timeout=10) for handle in innocent] == [1] * 4

    assert supervisor.is_running
    assert_it_died_twice_in_company_and_twice_alone(poisoned, ledger)
    with pytest.raises(WorkflowDeadLettered):
        poisoned.get_result(timeout=1)
    assert row.values_list("recovery_attempts", flat=True)[0] == 2

    ledger.open("antidote")
    row.get().resume()

    assert poisoned.get_result(timeout=10) == "survived"
    resumed = row.get()
    assert (resumed.recovery_attempts, resumed.stalls) == (0, 0)


def test_a_deploy_does_not_count_against_a_workflow_that_runs_alone(processes, ledger):
    handle = workflows.held.start("gate")
    Workflow.objects.update(stalls=2)
    worker = processes.worker("--drain=20")
    wait_until(lambda: len(ledger.calls()) == 2)
    alone = Worker.objects.get(kind=Worker.Kind.QUARANTINE)

    worker.signal(signal.SIGTERM)
    draining = Worker.objects.filter(pk=alone.pk, state=Worker.State.DRAINING)
    wait_until(draining.exists)
    wait_until(lambda: Worker.objects.get(pid=worker.pid).state != "running")
    ledger.open("gate")

    assert worker.ended() == 0
    assert not is_alive(alone.pid)
    row = Workflow.objects.get(pk=handle.workflow_id)
    assert (row.status, row.claim) == ("ENQUEUED", 1)
    assert (row.stalls, row.recovery_attempts) == (2, 0)
    assert Step.objects.filter(name__endswith="hold").count() == 1


def assert_it_died_twice_in_company_and_twice_alone(handle, ledger):
    """Only the last two of four are a quarantine; nothing else ran beside it there."""
    pids = [call.pid for call in ledger.calls(handle.workflow_id)]
    kinds = [Worker.objects.get(pid=pid).kind for pid in pids]
    assert kinds == ["worker", "worker", "quarantine", "quarantine"]
    assert len(set(pids)) == 4
    assert not calls_cut_short(ledger, but=handle).intersection(pids[2:])


def calls_cut_short(ledger, *, but):
    """Return the processes in which calls of other workflows did not end."""
    others = [c for c in ledger.calls() if c.workflow_id != but.workflow_id]
    return {call.pid for call in others if not call.has_ended}
