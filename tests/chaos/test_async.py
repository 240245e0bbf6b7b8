"""T-36: what async code does to itself."""

from datetime import timedelta

import pytest

from django_durable.models import Worker, Workflow
from django_durable.models.status import ACTIVE
from tests.chaos import troubles
from tests.chaos.checker import LEASE, Ended
from tests.journeys.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 1000
# Whatever happens to a branch or a step, the workflow makes this of a number.
RESULTS = {
    troubles.cancelling: lambda n: n + 2,
    troubles.quarrelling: lambda n: n + 2,
    troubles.hurrying: lambda n: ("too late", n + 1),
    troubles.threading: lambda n: 3 * (n + 1) + n + 2,
}


@pytest.mark.chaos("T-36 async trouble", share=1)
def test_async_code_gets_on_with_its_own_trouble(dose, fleet, checker, ledger):
    worker = fleet.start("--concurrency=4", "--async-concurrency=50", is_ready=True)
    expected = start(troubles.crowding, MANY, sum(range(1, MANY + 1)))

    with checker.watching():
        for number in dose.rounds():
            for definition, result in RESULTS.items():
                for n in range(3 * number, 3 * number + 3):
                    expected |= start(definition, n, result(n))
            expected |= start(troubles.blocking, f"gate-{number}", f"gate-{number}")
            outlast_the_lease(worker, f"gate-{number}", ledger)
        wait_until(lambda: all_ended(expected), "the end of all", timeout=40)

    assert worker.is_running
    assert "unexpected" not in fleet.log
    checker.excuses = lambda call: "had run out" in fleet.log
    checker.verify(expected)


def start(definition, argument, result):
    """Start a workflow; return how it is to end."""
    handle = definition.using(
        workflow_id=f"{definition.name.rpartition('.')[2]} {argument}"
    ).start(argument)
    return {handle.workflow_id: Ended(result)}


def outlast_the_lease(worker, gate, ledger):
    """Keep a loop blocked until the lease has been renewed long after its length."""
    wait_until(lambda: ledger.calls(f"blocking {gate}"), "a blocked loop", timeout=30)
    rows = Worker.objects.filter(pid=worker.pid)
    since = rows.latest("heartbeat_at").heartbeat_at
    late = rows.filter(heartbeat_at__gt=since + timedelta(seconds=1.5 * LEASE))
    wait_until(late.exists, "a heartbeat beside the blocked loop", timeout=30)
    ledger.open(gate)


def all_ended(expected):
    """Tell whether all have ended."""
    active = Workflow.objects.filter(pk__in=expected, status__in=ACTIVE)
    return not active.exists()
