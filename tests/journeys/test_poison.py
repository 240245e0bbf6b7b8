"""Workflows that run alone; see tests/chaos for those that kill their process."""

import signal

import pytest

from django_durable.models import Step, Worker, Workflow
from tests.journeys import workflows
from tests.journeys.processes import is_alive, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


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
