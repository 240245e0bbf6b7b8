"""What tests declare is declared for them alone."""

import pytest

from django_durable.definitions import schedules


@pytest.fixture(autouse=True)
def own_schedules(monkeypatch):
    """Begin without the schedules of the example project, and leave none behind."""
    monkeypatch.setattr(schedules, "_schedules", {})
