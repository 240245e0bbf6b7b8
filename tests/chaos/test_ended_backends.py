"""T-08: the server ends connections of the workers, again and again, at random."""

import time

import pytest
from django.db import connection

from django_durable.models import Workflow
from tests.chaos.load import Load
from tests.journeys.processes import APPLICATION

pytestmark = pytest.mark.django_db(transaction=True)

ACTIVE = 100
# How often all connections end at once.
ALL_OF_THEM = 0.1
# The least part of its calm speed that a worker keeps.
THROUGHPUT = 0.3


@pytest.mark.chaos("T-08 ended connections", share=1, server=True)
def test_work_goes_on_while_the_server_ends_connections(dose, fleet, checker):
    load = Load(dose.chance)
    checker.excuses = lambda call: True
    worker = fleet.start(is_ready=True)
    load.start(dose.pick(20, ACTIVE))

    with checker.watching():
        calm = speed_of(load, dose.slice / 4) if dose.is_full else None
        began_at, done = time.monotonic(), completed()
        for _ in dose.beats(0.1, tiny=1.2):
            dose.count("connections ended", end_a_backend(dose.chance))
            load.keep_up(dose.pick(0, ACTIVE))
        speed = (completed() - done) / (time.monotonic() - began_at)
        load.wait()

    assert worker.is_running
    assert dose.report.counts["connections ended"] > 0
    if dose.is_full:
        dose.note("throughput", f"{speed / calm:.0%} of the calm")
        assert speed / calm >= THROUGHPUT
    checker.verify(load.expected)


def speed_of(load, seconds):
    """Return how many workflows end in a second while nothing is broken."""
    began_at, done = time.monotonic(), completed()
    while time.monotonic() - began_at < seconds:
        time.sleep(0.1)
        load.keep_up(ACTIVE)
    return (completed() - done) / (time.monotonic() - began_at)


def completed():
    """Return how many workflows have ended well."""
    return Workflow.objects.filter(status="SUCCESS").count()


def end_a_backend(chance):
    """End one connection of the workers, now and then all; return how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE application_name = %s AND datname = current_database()",
            [APPLICATION],
        )
        pids = [pid for (pid,) in cursor.fetchall()]
        if pids and chance.random() > ALL_OF_THEM:
            pids = [chance.choice(pids)]
        for pid in pids:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    return len(pids)
