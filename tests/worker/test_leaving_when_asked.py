"""A worker that somebody has asked to leave reads that with its heartbeat."""

import pytest

import django_durable as durable
from django_durable.models import Worker

pytestmark = pytest.mark.django_db


def test_a_worker_leaves_when_it_is_asked_and_not_before(monkeypatch):
    worker, row = durable.Worker(), Worker.objects.register(Worker.Kind.WORKER)
    monkeypatch.setattr(worker._lease, "worker_id", row.pk)
    monkeypatch.setattr(worker._quarantine, "look", lambda *args: None)
    monkeypatch.setattr(worker._housekeeping, "tidy", lambda: False)

    worker._after_beat()
    before = worker.is_asked_to_leave, worker._stopping.is_set()
    Worker.objects.drain(row.pk)
    worker._after_beat()

    assert before == (False, False)
    assert (worker.is_asked_to_leave, worker._stopping.is_set()) == (True, True)
