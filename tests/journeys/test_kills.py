"""Workers that are killed, and what becomes of their work."""

import random
import signal
import time
from collections import Counter
from datetime import timedelta

import pytest

from django_durable.execution.journal import Place
from django_durable.models import Step, Worker, Workflow
from tests.journeys import workflows
from tests.journeys.processes import wait_until
from tests.models import Entry

pytestmark = pytest.mark.django_db(transaction=True)

KILLS = 10
WORKFLOWS = 50
LEASE, HEARTBEAT = 1.0, 0.3


def test_workflows_survive_ten_kills_and_repeat_nothing_recorded(processes, ledger):
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    handles = [start_mixed(number, chance) for number in range(WORKFLOWS)]

    kill_workers(processes, ledger, chance)
    results = [handle.get_result(timeout=20) for handle in handles]

    assert results == [workflows.mixed_result(n) for n in range(WORKFLOWS)]
    assert set(Workflow.objects.values_list("status", flat=True)) == {"SUCCESS"}
    assert_each_row_once()
    assert_no_step_after_its_checkpoint(ledger.calls())


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


def start_mixed(number, chance):
    """Start a workflow, sync or async, within the time of the kills."""
    definition = workflows.amixed if number % 2 else workflows.mixed
    start = definition.using(run_after=timedelta(seconds=chance.uniform(0, 5)))
    return start.start(number, chance.choice([0.05, 0.2, 0.6]))


def kill_workers(processes, ledger, chance):
    """Kill one of two workers, as soon as it works, and start another."""
    workers = [start_worker(processes), start_worker(processes)]
    for _ in range(KILLS):
        victim = wait_until(lambda: first_at_work(workers, ledger))
        time.sleep(chance.uniform(0, 0.5))
        victim.signal(signal.SIGKILL)
        victim.ended()
        workers.remove(victim)
        workers.append(start_worker(processes))


def start_worker(processes):
    return processes.worker("--concurrency=4", "--async-concurrency=8", is_ready=False)


def first_at_work(workers, ledger):
    """Return the worker that has begun its first step longest ago."""
    pids = [call.pid for call in ledger.calls()]
    busy = [worker for worker in workers if worker.pid in pids]
    return min(busy, key=lambda worker: pids.index(worker.pid), default=None)


def assert_each_row_once():
    """The business row of each transaction step is there exactly once."""
    steps = Step.objects.filter(kind=Step.Kind.TRANSACTION)
    places = sorted(place_of(step) for step in steps)
    assert sorted(Entry.objects.values_list("key", flat=True)) == places
    assert len(places) == WORKFLOWS * 4


def assert_no_step_after_its_checkpoint(calls):
    """A call repeats an earlier one only when that was never recorded."""
    recorded = {place_of(step): step.claim for step in Step.objects.all()}
    late = [call for call in calls if call.claim > recorded[call.place]]
    assert late == []
    doubled = Counter((call.place, call.claim, call.attempt) for call in calls)
    assert max(doubled.values()) == 1
    assert max(Counter(call.place for call in calls).values()) <= 1 + KILLS


def place_of(step):
    """Return the idempotency key of a step: how its calls and rows are named."""
    return f"{step.workflow_id}/{Place(step.branch, step.step_id).label}"
