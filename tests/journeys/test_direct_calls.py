"""Workflows that a process calls itself, without a worker."""

from pathlib import Path

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
    worker = processes.worker()
    Worker.objects.update(rss_bytes=None)
    held = Worker.objects.filter(pid=caller.pid)
    first = held.get().heartbeat_at
    wait_until(lambda: (held.get().heartbeat_at - first).total_seconds() > 1.5)
    wait_until(lambda: tells_its_memory(worker.pid), "a heartbeat with the memory")
    assert held.get().rss_bytes is None

    ledger.open("gate")

    caller.wait_for("returned (1, 'gate', 2)")
    assert caller.ended() == 0
    assert {call.pid for call in ledger.calls()} == {caller.pid}
    assert Workflow.objects.get().claim == 1


def tells_its_memory(pid):
    """Compare what a worker tells of itself with what Linux tells of it."""
    told = Worker.objects.get(pid=pid).rss_bytes
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return told is None
    found = int(status.read_text().partition("VmRSS:")[2].split()[0]) * 1024
    return told is not None and 0.7 * found < told < 1.4 * found
