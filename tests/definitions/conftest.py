"""Fixtures for tests that define workflows of their own."""

import pytest

from django_durable.definitions import registry


@pytest.fixture(autouse=True)
def fresh_registry(monkeypatch):
    """Forget what a test has defined."""
    monkeypatch.setattr(registry, "_definitions", dict(registry._definitions))
