"""The week that the console of the example project shows."""

from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from django_durable import clock
from django_durable.definitions import schedules
from django_durable.models import (
    Attempt,
    Event,
    Queue,
    StreamEntry,
    Tick,
    Worker,
    Workflow,
)
from example_project.orders.workflows import fulfil_order
from example_project.packing.workflows import pack_parcels
from example_project.seed.week import CannotSeed, live_through

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture
def short_week(monkeypatch):
    """Let the command live through a day instead of a week."""
    monkeypatch.setattr(
        "example_project.seed.management.commands.seed_example.live_through",
        lambda: live_through(days=1, orders=8),
    )


def seed():
    output = StringIO()
    call_command("seed_example", stdout=output)
    return output.getvalue()


def test_a_week_has_everything_that_a_console_shows(
    short_week, settings, own_schedules
):
    settings.DEBUG = True
    schedules._schedules.update(own_schedules)

    first, second = seed(), seed()

    rows = Workflow.objects.all()
    statuses = set(rows.values_list("status", flat=True))
    assert statuses >= set(Workflow.Status) - {"PENDING"}
    assert rows.filter(version="2026.10").count() == 3
    assert rows.filter(parent__name=pack_parcels.name).exists()
    assert rows.for_definition(fulfil_order).exclude(summary="").exists()
    assert rows.exclude(queue_name="default").exists()
    assert rows.exclude(subject_type="").exists()
    assert rows.exclude(cancel_reason="").exists()
    assert rows.filter(run_after__gt=clock.now()).exists()
    assert not rows.filter(created_at__gt=clock.now()).exists()
    assert StreamEntry.objects.exists()
    assert Event.objects.exists()
    assert Attempt.objects.exists()
    assert Tick.objects.started().get().workflow.status == "SUCCESS"
    assert Queue.objects.limited().exists()
    assert not Worker.objects.live().exists()
    assert "password demo" in first
    assert "It is all there" in second
    assert get_user_model().objects.get(username="demo").is_superuser


def test_nothing_is_executed_that_is_somebody_elses():
    fulfil_order.start(1, "Ada", "good", {})

    with pytest.raises(CannotSeed, match="not ended"):
        live_through(days=1, orders=1)

    assert Workflow.objects.get().status == Workflow.Status.ENQUEUED


def test_a_running_worker_would_take_part():
    Worker.objects.register(Worker.Kind.WORKER)

    with pytest.raises(CannotSeed, match="worker"):
        live_through(days=1, orders=1)


def test_the_command_says_why_it_cannot(settings):
    settings.DEBUG = True
    fulfil_order.start(1, "Ada", "good", {})

    with pytest.raises(CommandError, match="Nothing was done"):
        seed()


def test_a_site_that_is_open_to_the_public_is_not_seeded():
    with pytest.raises(CommandError, match="DEBUG"):
        seed()
