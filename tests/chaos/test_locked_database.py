"""T-28: a writer from outside holds the only lock, for longer than anybody waits."""

import sqlite3
import time

import pytest
from django.db import connection

from tests.chaos.fleet import Fleet
from tests.chaos.load import Load
from tests.journeys.processes import database_url

pytestmark = pytest.mark.django_db(transaction=True)

# How long a worker waits for the lock; the writer holds it for longer.
TIMEOUT_SECONDS = 1


@pytest.fixture
def fleet(dose, transactional_db, tmp_path):
    """Fork workers with little patience on a database that is one file."""
    if connection.features.has_select_for_update:
        pytest.skip("This database locks rows: it has no one lock to hold.")
    url = f"{database_url()}?timeout={TIMEOUT_SECONDS}"
    with Fleet(tmp_path, DATABASE_URL=url) as fleet:
        yield fleet


@pytest.mark.chaos("T-28 locked database", share=2)
def test_work_waits_for_whoever_holds_the_lock(dose, fleet, checker):
    load, chance = Load(dose.chance), dose.chance
    checker.excuses = lambda call: True
    workers = [fleet.start() for _ in range(dose.pick(3, 16))]
    load.start(dose.pick(20, 100))

    with checker.watching():
        for _ in dose.beats(0, tiny=2.5):
            time.sleep(chance.uniform(0.1, dose.pick(0.4, 2)))
            hold_lock(TIMEOUT_SECONDS + chance.uniform(0.2, dose.pick(0.6, 3)))
            dose.count("locks")
            load.keep_up(dose.pick(0, 100))
        load.wait()

    assert all(worker.is_running for worker in workers)
    assert "Traceback" not in fleet.log
    checker.verify(load.expected)


def hold_lock(seconds):
    """Be another program that has begun to write, and takes its time."""
    writer = sqlite3.connect(
        connection.settings_dict["NAME"], timeout=30, isolation_level=None
    )
    try:
        writer.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        writer.execute("COMMIT")
    finally:
        writer.close()
