"""A worker fires what its code declares, in time, and looks for nothing else."""

import logging
import sqlite3

import pytest
from django.db import IntegrityError, OperationalError

import django_durable as durable
from django_durable.definitions import schedules
from django_durable.models import Schedule, Tick, Worker, Workflow
from django_durable.testing import virtual_time
from django_durable.worker import scheduling
from django_durable.worker.scheduling import Scheduling
from tests.running import wait_until, worker
from tests.schedules.definitions import report, utc

pytestmark = pytest.mark.django_db(transaction=True)


def declare(cron, name="a", **options):
    options = {"time_zone": "UTC", **options}
    durable.schedule(cron, name=name, **options)(report)


def test_a_worker_fires_each_second_in_time_and_a_resumed_schedule_again():
    declare("* * * * * *", overlap="allow")

    with worker():
        wait_until(Tick.objects.exists, "a tick")
        assert Worker.objects.live_schedules() == {"a"}
        durable.pause_schedule("a")
        before = Tick.objects.count()
        durable.resume_schedule("a")
        wait_until(lambda: Tick.objects.count() > before, "another tick")
        found = list(Tick.objects.order_by("scheduled_at"))

    for tick in found:
        assert tick.workflow_id == f"a@{tick.scheduled_at:%Y-%m-%dT%H:%M:%S}Z"
        assert tick.created_at >= tick.scheduled_at
    assert len({tick.scheduled_at for tick in found}) == len(found) >= 2


@pytest.fixture
def time():
    """Stop the clock between two ticks."""
    with virtual_time(utc("2026-11-27 12:30")) as time:
        yield time


def looking():
    """Return the part of a worker that fires, as it begins."""
    found = Scheduling("default")
    found.declare()
    return found


def test_without_schedules_a_worker_asks_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        idle = looking()
        assert (idle.look(), idle.seconds(), idle.names) == (False, float("inf"), [])


def test_a_worker_asks_only_when_something_may_be_due(time, django_assert_num_queries):
    declare("0 13 * * *")
    declare("0 14 * * *", name="b")
    looks = looking()

    with django_assert_num_queries(1):
        assert [looks.look(), looks.look(), looks.look()] == [False] * 3
    assert 0 < looks.seconds() <= 1
    time.advance(1800 - 0.02)
    looks._look_at = 0.0
    assert not looks.look()
    assert looks.seconds() <= 0.02
    time.advance(0.02)
    looks._look_at = 0.0
    assert looks.look()
    assert looks.seconds() == 0
    assert not looks.look()
    assert [tick.schedule_id for tick in Tick.objects.all()] == ["a"]


def test_what_cannot_be_stored_is_not_declared_and_disturbs_nobody(time, caplog):
    declare("0 13 * * *", kwargs={"region": object()})
    declare("0 13 * * *", name="b")

    looks = looking()

    assert looks.names == ["b"]
    assert [row.name for row in Schedule.objects.all()] == ["b"]
    assert "Schedule a cannot be stored" in caplog.text


def locked():
    """Return what the driver of SQLite raises where somebody holds the lock."""
    error = OperationalError("database is locked")
    error.__cause__ = sqlite3.OperationalError(str(error))
    return error


@pytest.mark.parametrize(
    ("error", "seconds", "is_said"),
    [
        (locked(), 1, False),
        (IntegrityError("a trigger of the project's"), 10, True),
        (RuntimeError("not now"), 10, True),
    ],
)
def test_what_fails_is_tried_again_and_the_others_fire(
    time, monkeypatch, caplog, error, seconds, is_said
):
    declare("0 13 * * *")
    declare("1 13 * * *", name="b")
    looks, enqueue = looking(), type(Workflow.objects.all()).enqueue

    def fail(rows, workflows):
        if workflows[0].pk.startswith("a@"):
            raise error
        return enqueue(rows, workflows)

    monkeypatch.setattr(type(Workflow.objects.all()), "enqueue", fail)
    time.advance(minutes=40)
    with caplog.at_level(logging.ERROR, "django_durable"):
        assert looks.look()

    assert [tick.schedule_id for tick in Tick.objects.all()] == ["b"]
    assert ("Schedule a could not start" in caplog.text) is is_said
    monkeypatch.undo()
    looks._look_at = 0.0
    looks._try_at = {name: at - seconds for name, at in looks._try_at.items()}
    assert looks.look()
    assert Tick.objects.count() == 2


def test_a_look_fires_no_longer_than_claims_can_wait(time, monkeypatch):
    monkeypatch.setattr(scheduling, "MOST_SECONDS", 0)
    for name in "abc":
        declare("0 13 * * *", name=name)
    looks = looking()
    time.advance(hours=1)

    assert [(looks.look(), looks.seconds()) for _ in range(3)] == [(True, 0.0)] * 3
    assert not looks.look()
    assert Tick.objects.count() == 3


def test_a_quarantine_declares_and_fires_nothing():
    declare("* * * * * *")

    with worker(alone="nothing"):
        assert Worker.objects.live_schedules() == set()

    assert not Schedule.objects.exists()


def test_a_new_worker_declares_what_has_changed():
    declare("0 3 * * *")
    with worker():
        pass
    schedules.forget("a")
    declare("0 4 * * *")

    with worker():
        assert Schedule.objects.get().cron == "0 4 * * *"
