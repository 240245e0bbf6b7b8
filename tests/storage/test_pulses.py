"""How lively a worker is, told by its last heartbeat."""

from datetime import timedelta

import pytest
from django.db.models import F

from django_durable.models import Worker

LATE, LOST = Worker.Pulse.LATE, Worker.Pulse.LOST
MOMENT = timedelta(milliseconds=1)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("heartbeat", "lease", "late_from"), [(2, 60, 10), (2, 15, 8.5), (1, 3, 2)]
)
def test_late_is_five_missed_heartbeats_or_half_way_to_lost(
    settings, heartbeat, lease, late_from
):
    settings.DURABLE = {"HEARTBEAT": heartbeat, "LEASE": lease}
    worker = Worker.objects.register(Worker.Kind.WORKER)
    late_at = worker.heartbeat_at + timedelta(seconds=late_from)
    lost_at = worker.heartbeat_at + timedelta(seconds=lease) + MOMENT

    def seen_at(now):
        return worker.pulse(now), Worker.objects.fresh(now).exists()

    assert seen_at(late_at - MOMENT) == (Worker.Pulse.FRESH, True)
    assert seen_at(late_at) == (LATE, False)
    assert seen_at(lost_at - MOMENT) == (LATE, False)
    assert seen_at(lost_at) == (LOST, False)


@pytest.mark.django_db
def test_who_is_lost_by_its_pulse_is_who_may_be_declared_dead(patience):
    """Whatever the clocks do: both ask the database's."""
    for seconds in (0, 600, 2000):
        worker = Worker.objects.register(Worker.Kind.WORKER)
        silent = F("heartbeat_at") - timedelta(seconds=seconds)
        Worker.objects.filter(pk=worker.pk).update(heartbeat_at=silent)

    now = Worker.objects.database_now()
    lost = [worker for worker in Worker.objects.all() if worker.pulse(now) == LOST]

    assert [*Worker.objects.expired()] == lost
    assert len(lost) == 1
