"""Many workflows sleep, and one worker with eight threads is enough for them."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction

from django_durable import clock
from django_durable.models import Wait, Workflow
from tests.chaos import workflows
from tests.chaos.checker import Ended
from tests.chaos.resources import Resources
from tests.chaos.usage import Usage, assert_nothing_grows
from tests.journeys.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

MOST = 20_000
AT_ONCE = 500
# Of the time, a part is for falling asleep. Then they are woken at a slower rate.
PART = 0.38
EASE = 0.7
GROUPS = 50
COLD = {"HOT_WAIT": 0, "ASYNC_HOT_WAIT": 0, "LEASE": 20.0}


@pytest.mark.chaos("20,000 sleepers", share=18)
def test_eight_threads_carry_workflows_that_sleep(dose, fleet, checker):
    if not Path("/proc/self/status").exists():
        pytest.skip("This system does not tell what a process uses.")
    checker.resources = Resources.of(dose, fleet)
    worker = fleet.start("--concurrency=8", "--async-concurrency=8", **COLD)
    expected = start_sleeping(200)
    wait_until(lambda: sleeping() > 50, "the first asleep", timeout=60)
    early = Usage.of(worker)
    checker.look_at_resources()

    per_second = fill(expected, PART * dose.slice)
    before = Usage.of(worker)
    time.sleep(dose.pick(1, 10))
    after = Usage.of(worker)
    checker.look_at_resources()
    due = wake(list(expected), len(expected) / per_second / EASE)
    wait_until(lambda: not Workflow.objects.active().exists(), "all awake", timeout=400)

    late = lateness(due)
    dose.note("put to sleep", f"{per_second:.0f}/s")
    dose.note("threads, connections, MB", f"{early}, {before} asleep, {after} later")
    dose.spread("lateness", late)
    assert_nothing_grows(early, before, after)
    assert min(late) >= 0
    checker.verify(expected)


def start_sleeping(count, *, first=0):
    """Start workflows that sleep for hours; return how they are to end."""
    moment = clock.now() + timedelta(hours=5)
    ids = [f"sleeper-{first + index}" for index in range(count)]
    with transaction.atomic():
        for index, pk in enumerate(ids):
            definition = (workflows.doze, workflows.adoze)[index % 2]
            definition.using(workflow_id=pk).start(moment)
    return dict.fromkeys(ids, Ended(None))


def fill(expected, seconds):
    """Start more until the time is over; return how many fell asleep a second."""
    began_at, first = time.monotonic(), sleeping()
    while len(expected) < MOST and time.monotonic() - began_at < seconds:
        if len(expected) - sleeping() < 2 * AT_ONCE:
            expected |= start_sleeping(AT_ONCE, first=len(expected))
    wait_until(lambda: sleeping() == len(expected), "all asleep", timeout=200)
    return (len(expected) - first + 1) / (time.monotonic() - began_at)


def sleeping():
    """Return how many sleep."""
    return Workflow.objects.filter(status="WAITING").count()


def wake(ids, seconds):
    """Let the night be over, one group after the other; return when for each."""
    begin, due = clock.now() + timedelta(seconds=0.5), {}
    with transaction.atomic():
        for group in range(GROUPS):
            members = ids[group::GROUPS]
            moment = begin + timedelta(seconds=seconds * group / GROUPS)
            Wait.objects.filter(workflow_id__in=members).update(wake_at=moment)
            Workflow.objects.filter(pk__in=members).update(wake_at=moment)
            due.update(dict.fromkeys(members, moment))
    return due


def lateness(due):
    """Return by how many seconds each ended later than it was due."""
    ends = Workflow.objects.values_list("pk", "completed_at")
    return [(ended - due[pk]).total_seconds() for pk, ended in ends]
