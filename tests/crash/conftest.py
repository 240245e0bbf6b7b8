"""The laboratory of the crash tests."""

from collections.abc import Iterator

import pytest

from django_durable.wakeup import hub
from tests.crash.crasher import Machine
from tests.crash.experiment import Laboratory


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
