"""Fixtures of what operators do."""

import pytest

from tests.operations import workflows


@pytest.fixture(autouse=True)
def nothing_happened():
    """Forget what earlier tests did."""
    workflows.calls.clear()
    workflows.broken.clear()
