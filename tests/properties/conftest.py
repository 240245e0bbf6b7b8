"""The world of the properties."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections

from django_durable import wakeup
from django_durable.execution import waiting
from django_durable.wakeup import hub
from tests.crash.crasher import USING
from tests.properties.processes import Pool
from tests.properties.profiles import Explorer
from tests.properties.world import World


class _Silence:
    """A subscription that never rings: processes here share one hub."""

    def close(self) -> None:
        """Stop listening."""


@pytest.fixture
def explore(request: pytest.FixtureRequest, capfd: Any) -> Explorer:
    """Try a property on examples, as many as the profile says."""
    writer = request.config.get_terminal_writer()

    def tell(line: str) -> None:
        with capfd.disabled():
            writer.line(line)

    return Explorer(tell)


@pytest.fixture
def quiet(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real commits, every wait cold, nothing that hints, rings or reports."""
    monkeypatch.setattr(logging.getLogger("django_durable"), "disabled", True)
    monkeypatch.setattr(wakeup, "announce", lambda using, targets: None)
    monkeypatch.setattr(hub, "subscribe", lambda *args, **options: _Silence())
    monkeypatch.setattr(type(hub), "look_seconds", 3600.0)
    monkeypatch.setattr(waiting, "TIMER_LOOK_SECONDS", 3600.0)
    if connections[USING].vendor == "postgresql":
        with connections[USING].cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")


@pytest.fixture
def world(quiet: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Experiments with programs."""
    pool = Pool(connections[USING])
    yield World(pool, monkeypatch)
    pool.close()
