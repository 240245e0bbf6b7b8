"""What a worker does for all beside its own work."""

import logging

import pytest
from django.test import override_settings

from django_durable.models import Workflow
from django_durable.worker.housekeeping import Housekeeping
from tests import workflows

pytestmark = pytest.mark.django_db


@pytest.fixture
def housekeeping():
    """Do it for the default database, and sweep each time."""
    with override_settings(DURABLE={"SWEEP": 1e-9}):
        yield Housekeeping("default")


def test_a_sweep_tells_how_many_nobody_else_has_woken(housekeeping, caplog):
    for number in range(3):
        workflows.total.start(number)
    Workflow.objects.update(status=Workflow.Status.WAITING)

    with caplog.at_level(logging.INFO, "django_durable"):
        assert housekeeping.tidy()

    assert "Workflows that only the sweep has woken: 3" in caplog.messages


def test_a_sweep_that_was_not_needed_says_nothing(housekeeping, caplog):
    workflows.total.start(1)

    with caplog.at_level(logging.INFO, "django_durable"):
        assert not housekeeping.tidy()

    assert caplog.messages == []
