"""Fixtures for every test."""

import asyncio
import gc
from functools import cache

import pytest
from asgiref.sync import SyncToAsync, sync_to_async
from django.core.management.commands import flush
from django.db import connections

from django_durable import clock
from django_durable.definitions import schedules
from django_durable.execution.direct import close_lease
from django_durable.execution.outbox import flusher
from django_durable.wakeup import hub
from tests import sessions, workflows
from tests.crash.driver import MovableClock
from tests.properties.profiles import use_profile

use_profile()
# Garbage in cycles is rare: look for it less often.
gc.set_threshold(200_000, 20, 100)


def pytest_collection_finish():
    """Do not look for garbage in what was imported for thousands of tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def fresh_calls():
    """Forget what earlier tests called."""
    workflows.calls.clear()


@pytest.fixture(autouse=True)
def own_schedules(monkeypatch):
    """Begin without the schedules of others; return those of the example project."""
    others = dict(schedules._schedules)
    monkeypatch.setattr(schedules, "_schedules", {})
    return others


@pytest.fixture(autouse=True)
def released_lease():
    """End the lease that a test's direct calls took."""
    yield
    close_lease()


@pytest.fixture
def movable(monkeypatch):
    """Stop the clock; hints do not matter here."""
    movable = MovableClock()
    monkeypatch.setattr(clock, "now", movable.now)
    monkeypatch.setattr(hub, "_make_source", lambda hub: None)
    return movable


@pytest.fixture
def patience(settings):
    """Give workers long to be late and lost: the machine may be busy."""
    settings.DURABLE = {"HEARTBEAT": 100, "LEASE": 1000}


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup):
    """Give back the connections of this process before its databases go."""
    with sessions.kept():
        yield
        hub.close()
        flusher.close()
        if _executor_is_used():
            asyncio.run(sync_to_async(connections.close_all)())


def _executor_is_used():
    """Tell whether async code of a test has used Django's one thread for sync code."""
    return bool(SyncToAsync.single_thread_executor._threads)


# What migrations fill, the same for every test.
FILLED = {"auth_permission", "django_content_type"}


@pytest.fixture(scope="session", autouse=True)
def quick_flush():
    """Empty the tables row by row: TRUNCATE makes a new file for every index.

    What migrations fill stays, so that no test has to fill it again. Which tables
    there are is asked once.
    """
    deletions = cache(_deletions)

    def handle(command, *, database, **options):
        connections[database].ops.execute_sql_flush(deletions(database))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush.Command, "handle", handle)
        yield


def _deletions(database):
    connection = connections[database]
    tables = connection.introspection.django_table_names(
        only_existing=True, include_views=False
    )
    return [
        f"DELETE FROM {connection.ops.quote_name(table)};"
        for table in tables
        if table not in FILLED
    ]
