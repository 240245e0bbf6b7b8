"""What tests need to run workflows in a worker of this process, bounded in time."""

import time

from asgiref.sync import async_to_sync

import django_durable as durable
from django_durable.models import Step, Workflow

# Seconds that nothing in a test may take: a bound, never a measurement.
PATIENCE = 20

# Every wait suspends, so that what follows it runs in another execution.
COLD = {"HOT_WAIT": 0, "ASYNC_HOT_WAIT": 0}


def worker(**options):
    """Return a small worker, to be entered with ``with``."""
    options = {"concurrency": 4, "async_concurrency": 20, "drain": 2, **options}
    return durable.Worker(**options)


def result_of(handle):
    """Wait for a result, as long as a test may take."""
    return handle.get_result(timeout=PATIENCE)


def row_of(handle):
    """Return the stored workflow, as it is now."""
    return Workflow.objects.get(pk=handle.workflow_id)


def steps_of(handle):
    """Return (branch, number, last part of the name) of the recorded steps."""
    rows = Step.objects.filter(workflow_id=handle.workflow_id)
    return [
        (row.branch, row.step_id, row.name.rpartition(".")[2])
        for row in rows.order_by("branch", "step_id")
    ]


def wait_until(condition, what="the condition"):
    """Return what ``condition`` returns as soon as it is true."""
    give_up_at = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < give_up_at, f"{what} did not come true"
        time.sleep(0.005)
    return found


def wait_for_status(handle, *statuses):
    """Wait until a workflow has one of ``statuses``; return its row."""

    def has_come():
        status = row_of(handle).status
        has_ended = status in (Workflow.Status.SUCCESS, Workflow.Status.ERROR)
        assert status in statuses or not has_ended, f"it ended in {status}"
        return status in statuses

    wait_until(has_come, f"{statuses}")
    return row_of(handle)


def in_loop(function, *args, **kwargs):
    """Await a call on an event loop whose sync parts use this thread's connection."""

    async def main():
        return await function(*args, **kwargs)

    return async_to_sync(main)()
