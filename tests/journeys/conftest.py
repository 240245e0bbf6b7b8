"""Fixtures of the journeys."""

import signal

import pytest
from django.db import connections

from tests.journeys import processes as real
from tests.journeys.ledger import Ledger

# No test may hang, whatever its processes do.
LONGEST_SECONDS = 60


@pytest.fixture(autouse=True)
def bounded():
    """Interrupt a test that does not come to an end."""

    def interrupt(number, frame):
        raise AssertionError(f"The test took more than {LONGEST_SECONDS} seconds.")

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.alarm(LONGEST_SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, previous)


@pytest.fixture
def processes(transactional_db, tmp_path):
    """Start processes on the test's database; all have ended after the test."""
    started = real.Processes(tmp_path)
    try:
        yield started
    finally:
        started.close()
        started.print_logs()


@pytest.fixture
def ledger(tmp_path):
    """Read what the steps of the processes wrote down."""
    return Ledger(tmp_path)


@pytest.fixture
def server(transactional_db):
    """Need a database that is a server, with row locks and other people's backends."""
    connection = connections["default"]
    if not connection.features.has_select_for_update:
        pytest.skip("This database is a file: it has no row locks and no backends.")
    return connection
