"""A database server that ends connections in the middle of the work."""

import time

import pytest

from django_durable.models import Workflow
from tests.journeys import workflows
from tests.journeys.processes import APPLICATION
from tests.models import Entry

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 10
WORKFLOWS = 20


def test_a_worker_outlives_the_loss_of_all_its_connections(processes, server):
    worker = processes.worker("--concurrency=4")
    definitions = [workflows.mixed, workflows.amixed] * (WORKFLOWS // 2)
    handles = [each.start(n, 0.5) for n, each in enumerate(definitions)]

    ended = 0
    for _ in range(ROUNDS):
        time.sleep(0.2)  # Only spreads the cuts over the work.
        ended += end_backends(server)
    results = [handle.get_result(timeout=10) for handle in handles]

    assert ended > ROUNDS
    assert results == [workflows.mixed_result(n) for n in range(WORKFLOWS)]
    assert worker.is_running
    assert worker.log.count("Worker ") == worker.log.count(" started: 1")
    assert set(Workflow.objects.values_list("status", flat=True)) == {"SUCCESS"}
    keys = list(Entry.objects.values_list("key", flat=True))
    assert len(keys) == len(set(keys)) == WORKFLOWS * 4


def end_backends(connection):
    """End every connection of the worker; return how many there were."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name = %s AND datname = current_database()",
            [APPLICATION],
        )
        return cursor.fetchone()[0]
