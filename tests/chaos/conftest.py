"""Fixtures of the experiments, and the summary of a full run."""

import signal

import pytest
from django.db import connections

from tests.chaos import server as servers
from tests.chaos.checker import PROMISES, Checker
from tests.chaos.dose import Dose, campaign, summary
from tests.chaos.fleet import Fleet
from tests.chaos.proxy import standing_before, through
from tests.journeys.conftest import ledger, processes

__all__ = ["ledger", "processes"]

# The part of the time that tests/properties takes, where it is run too.
PROPERTIES = 1 / 4
# No experiment may hang, whatever its processes do.
LONGEST_SECONDS = 60
LONGEST_REST_SECONDS = 150
# A whole amount takes its time, also where little was left for it.
LONGEST_WHOLE_SECONDS = 300


def pytest_collection_modifyitems(items):
    """Share the time of the run among the experiments that will take place."""
    marks = [(item.nodeid, item.get_closest_marker("chaos")) for item in items]
    shares = {
        test: mark.kwargs.get("share", 1) * can_take_place(mark)
        for test, mark in marks
        if mark is not None
    }
    has_properties = any("tests/properties/" in test for test, _ in marks)
    campaign.plan(shares, part=1 - PROPERTIES if has_properties else 1)


def can_take_place(mark):
    """Tell whether the database has what an experiment breaks."""
    needs_server = mark.kwargs.get("server", False)
    return not needs_server or connections["default"].features.has_select_for_update


def pytest_terminal_summary(terminalreporter):
    """Print seed, counts and invariants of a full run."""
    if campaign.minutes and campaign.reports:
        terminalreporter.section("chaos")
        for line in summary(connections["default"].vendor, PROMISES):
            terminalreporter.write_line(line)


@pytest.fixture
def dose(request):
    """Tell the experiment how much it may do; see Dose."""
    mark = request.node.get_closest_marker("chaos")
    if not can_take_place(mark):
        pytest.skip("This database is a file: there is no server to break.")
    dose = Dose(campaign, request.node.nodeid, mark.args[0])
    print(f"CHAOS_SEED={dose.seed}")
    yield dose
    print(f"{dose.report.name}: {dose.report}")


@pytest.fixture(autouse=True)
def bounded(request):
    """Interrupt an experiment that does not come to an end."""
    seconds = LONGEST_SECONDS
    if "dose" in request.fixturenames:
        dose = request.getfixturevalue("dose")
        seconds += dose.slice + LONGEST_REST_SECONDS if dose.is_full else 0
        seconds += LONGEST_WHOLE_SECONDS if dose.is_whole else 0

    def interrupt(number, frame):
        raise AssertionError(f"The experiment took more than {seconds:.0f} seconds.")

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.alarm(int(seconds) + 1)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, previous)


@pytest.fixture
def fleet(transactional_db, tmp_path):
    """Fork workers on the test's database; none outlives the experiment."""
    with Fleet(tmp_path) as fleet:
        yield fleet


@pytest.fixture
def checker(transactional_db, ledger, dose):
    """Check the invariants, while faults are applied and at the end."""
    return Checker(ledger, dose)


@pytest.fixture(scope="session")
def own_server():
    """Run a PostgreSQL server that may be stopped, once for all who ask for it."""
    with servers.running() as server:
        yield server


@pytest.fixture
def server(dose, transactional_db, request):
    """Lead this test to an empty database of a server that it may stop."""
    server = request.getfixturevalue("own_server")  # Not before dose has skipped.
    with servers.leading_to(server.database()):
        yield server


@pytest.fixture
def proxy(dose, transactional_db):
    """Lead all of this test, and what it starts, over a network that can break."""
    place = dict(connections["default"].settings_dict)
    with (
        standing_before(place) as proxy,
        servers.leading_to(through(proxy, place)),
    ):
        yield proxy
