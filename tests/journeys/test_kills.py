"""What becomes of the work of a worker that is killed; see tests/chaos for more."""

from datetime import timedelta

import pytest

from django_durable.models import Worker, Workflow
from tests.journeys import workflows
from tests.journeys.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

LEASE, HEARTBEAT = 1.0, 0.3


def test_a_lost_workers_work_is_taken_over_when_its_lease_ends(processes, ledger):
    one, other = processes.worker(), processes.worker()
    handle = workflows.held.start("once")
    first, held = wait_until(lambda: len(c := ledger.calls()) == 2 and c)
    victim, heir = (one, other) if held.pid == one.pid else (other, one)

    victim.kill()
    wait_until(lambda: len(ledger.calls()) == 3)
    taken_at = Workflow.objects.get(pk=handle.workflow_id).changed_at
    ledger.open("once")

    assert handle.get_result(timeout=10) == (1, "once", 2)
    again = ledger.calls()[2]
    assert (again.pid, again.place) == (heir.pid, held.place)
    silent_since = Worker.objects.get(pid=victim.pid).heartbeat_at
    slack = 1.0  # The machine may be busy; a sweep or a poll would take longer.
    limit = timedelta(seconds=LEASE + 2 * HEARTBEAT + slack)
    assert timedelta(seconds=LEASE) <= taken_at - silent_since <= limit
    assert first.pid == victim.pid
