"""Many workflows sleep, and one worker with eight threads is enough for them."""

import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction

from django_durable import clock
from django_durable.models import Wait, Workflow
from tests.chaos import workflows
from tests.chaos.checker import Ended
from tests.journeys.processes import APPLICATION, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

MOST = 20_000
AT_ONCE = 500
# Of the time, a part is for falling asleep. Then they are woken at a slower rate.
PART = 0.38
EASE = 0.7
GROUPS = 50
COLD = {"HOT_WAIT": 0, "ASYNC_HOT_WAIT": 0, "LEASE": 20.0}
# What the worker has beside its eight slots: threads, and as many connections.
OTHERS = 16
# Far less than 15,000 sleeping workflows would take, if they took anything.
MOST_BYTES = 8 * 2**20


@pytest.mark.chaos("20,000 sleepers", share=18)
def test_eight_threads_carry_workflows_that_sleep(dose, fleet, checker):
    if not Path("/proc/self/status").exists():
        pytest.skip("This system does not tell what a process uses.")
    worker = fleet.start("--concurrency=8", "--async-concurrency=8", **COLD)
    expected = start_sleeping(200)
    wait_until(lambda: sleeping() > 50, "the first asleep", timeout=60)
    early = Usage.of(worker)

    per_second = fill(expected, PART * dose.slice)
    before = Usage.of(worker)
    time.sleep(dose.pick(1, 10))
    after = Usage.of(worker)
    due = wake(list(expected), len(expected) / per_second / EASE)
    wait_until(lambda: not Workflow.objects.active().exists(), "all awake", timeout=400)

    late = lateness(due)
    dose.note("put to sleep", f"{per_second:.0f}/s")
    dose.note("threads, connections, MB", f"{early}, {before} asleep, {after} later")
    dose.spread("lateness", late)
    assert_nothing_grows(early, before, after)
    assert min(late) >= 0
    checker.verify(expected)


@dataclass(frozen=True)
class Usage:
    """What a process holds at a moment."""

    threads: int
    connections: int
    memory: int

    @classmethod
    def of(cls, worker):
        """Look at a worker."""
        lines = Path(f"/proc/{worker.pid}/status").read_text().splitlines()
        facts = dict(line.split(":", 1) for line in lines)
        memory = int(facts["VmRSS"].split()[0]) * 1024
        return cls(int(facts["Threads"]), connections_of(worker), memory)

    def __str__(self):
        return f"{self.threads} {self.connections} {self.memory / 2**20:.1f}"


def assert_nothing_grows(early, before, after):
    """What sleeps costs nothing, however much of it there is."""
    assert (after.threads, after.connections) == (before.threads, before.connections)
    for usage in (early, after):
        assert usage.threads <= 8 + OTHERS
        assert usage.connections <= 8 + OTHERS
    assert before.memory - early.memory < MOST_BYTES
    assert after.memory - before.memory < MOST_BYTES


def connections_of(worker):
    """Return how many connections a worker has to the database."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE application_name = %s AND datname = current_database()",
                [APPLICATION],
            )
            return cursor.fetchone()[0]
    name = str(connection.settings_dict["NAME"])
    links = [link.readlink() for link in Path(f"/proc/{worker.pid}/fd").iterdir()]
    return sum(str(link) == name for link in links)


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
