"""Workflows that a process calls itself, without a worker."""

import pytest

from django_durable.models import Worker, Workflow
from tests.journeys import workflows
from tests.journeys.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_worker_finishes_the_direct_call_of_a_killed_process(processes, ledger):
    caller = processes.start("-m", "tests.journeys.direct", "held", "gate")
    wait_until(lambda: len(ledger.calls()) == 2)
    assert Worker.objects.get(pid=caller.pid).kind == Worker.Kind.DIRECT
    worker = processes.worker()

    caller.kill()
    wait_until(lambda: len(ledger.calls()) == 3)
    ledger.open("gate")

    workflow_id = Workflow.objects.get().pk
    handle = workflows.held.using(workflow_id=workflow_id).start("gate")
    assert handle.get_result(timeout=10) == (1, "gate", 2)
    pids = [call.pid for call in ledger.calls()]
    assert pids == [caller.pid, caller.pid, worker.pid, worker.pid]


def test_workers_leave_a_direct_call_to_a_process_that_lives(processes, ledger):
    caller = processes.start("-m", "tests.journeys.direct", "held", "gate")
    wait_until(lambda: len(ledger.calls()) == 2)
    processes.worker()
    held = Worker.objects.filter(pid=caller.pid)
    first = held.get().heartbeat_at
    wait_until(lambda: (held.get().heartbeat_at - first).total_seconds() > 1.5)

    ledger.open("gate")

    caller.wait_for("returned (1, 'gate', 2)")
    assert caller.ended() == 0
    assert {call.pid for call in ledger.calls()} == {caller.pid}
    assert Workflow.objects.get().claim == 1
