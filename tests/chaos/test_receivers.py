"""T-39: many workflows wait for a message, and one worker is enough for them."""

import time
from pathlib import Path

import pytest
from django.db import transaction

import django_durable as durable
from django_durable.models import Notification, Workflow
from tests.chaos import talk
from tests.chaos.checker import Ended
from tests.chaos.usage import Usage, assert_nothing_grows
from tests.journeys.processes import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

LEAST, MOST = 200, 10_000
EARLY = 100
AT_ONCE = 500
# Of the time, a part is for falling asleep. Then they are woken at a slower rate.
PART = 0.38
EASE = 0.7
COLD = {"HOT_WAIT": 0, "ASYNC_HOT_WAIT": 0, "LEASE": 20.0}


@pytest.mark.chaos("T-39 10,000 receivers", share=12)
def test_eight_threads_carry_workflows_that_wait_for_messages(dose, fleet, checker):
    if not Path("/proc/self/status").exists():
        pytest.skip("This system does not tell what a process uses.")
    worker = fleet.start("--concurrency=8", "--async-concurrency=8", **COLD)
    start(0, EARLY)
    wait_until(lambda: waiting() == EARLY, "the first asleep", timeout=60)
    early = Usage.of(worker)

    per_second = fill(dose.amount(LEAST, MOST), PART * dose.slice)
    before = Usage.of(worker)
    time.sleep(dose.pick(1, 10))
    after = Usage.of(worker)
    count = waiting()
    send_to_each(count, dose.pick(2, EASE) * per_second)
    wait_until(lambda: not Workflow.objects.active().exists(), "all awake", timeout=400)

    dose.count("messages", count)
    dose.note("fell asleep", f"{per_second:.0f}/s")
    dose.note("threads, connections, MB", f"{early}, {before} asleep, {after} later")
    dose.spread("lateness", lateness())
    assert_nothing_grows(early, before, after)
    checker.verify({f"receiver-{n}": Ended([["test", [n]]]) for n in range(count)})


def start(first, end):
    """Start receivers, sync and async in turn."""
    with transaction.atomic():
        for number in range(first, end):
            definition = (talk.listener, talk.alistener)[number % 2]
            definition.using(workflow_id=f"receiver-{number}").start(1)


def fill(least, seconds):
    """Start more, until the time is over; return how many fell asleep a second."""
    began_at, count = time.monotonic(), EARLY
    while count < least or (count < MOST and time.monotonic() - began_at < seconds):
        if count - waiting() < 2 * AT_ONCE:
            more = min(AT_ONCE, (MOST if count >= least else least) - count)
            start(count, count + more)
            count += more
    wait_until(lambda: waiting() == count, "all asleep", timeout=200)
    return (count - EARLY) / (time.monotonic() - began_at)


def waiting():
    """Return how many wait."""
    return Workflow.objects.filter(status="WAITING").count()


def send_to_each(count, per_second):
    """Send a message to every receiver, at a steady rhythm."""
    began_at = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, began_at + number / per_second - time.monotonic()))
        durable.send(f"receiver-{number}", ["test", number])


def lateness():
    """Return by how many seconds each ended after its message was sent."""
    sent = Notification.objects.values_list("sent_at", "destination__completed_at")
    return [(ended - sent_at).total_seconds() for sent_at, ended in sent]
