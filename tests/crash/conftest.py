"""The laboratory of the crash tests."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from django_durable.wakeup import hub
from tests.crash.crasher import Machine
from tests.crash.experiment import Laboratory

HERE = Path(__file__).parent
# Asynchronous twins execute the statements of the others.
TWIN = re.compile(r"\[.*\basync\b.*\]$")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the asynchronous twins on one database only."""
    for item in items:
        if item.path.is_relative_to(HERE) and TWIN.search(item.name):
            item.add_marker(pytest.mark.once)


@pytest.fixture
def laboratory(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Laboratory]:
    """Experiments on real commits, without threads that listen for hints."""
    monkeypatch.setattr(hub, "_make_source", lambda hub: None)
    hub.close()  # An earlier test's source would ring: one more point, now and then.
    machine = Machine()
    if machine.observer.vendor == "postgresql":
        with machine.observer.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")
    yield Laboratory(machine, monkeypatch)
    machine.close()
