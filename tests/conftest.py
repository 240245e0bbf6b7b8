"""Fixtures for every test."""

import asyncio

import pytest
from asgiref.sync import SyncToAsync, sync_to_async
from django.db import connections

from django_durable.execution.direct import close_lease
from django_durable.wakeup import hub
from tests import workflows


@pytest.fixture(autouse=True)
def fresh_calls():
    """Forget what earlier tests called."""
    workflows.calls.clear()


@pytest.fixture(autouse=True)
def released_connections():
    """Give back the connections that a test's waits and direct calls opened."""
    yield
    close_lease()
    hub.close()
    if _executor_is_used():
        asyncio.run(sync_to_async(connections.close_all)())


def _executor_is_used():
    """Tell whether async code of a test has used Django's one thread for sync code."""
    return bool(SyncToAsync.single_thread_executor._threads)
