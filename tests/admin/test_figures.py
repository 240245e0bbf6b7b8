"""The figures of the console are right, and cost few statements."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import django_durable as durable
from django_durable import clock
from django_durable.admin.figures import condition, overview as overviews, statements
from django_durable.admin.figures.finished import Finished, Slot
from django_durable.admin.figures.overview import Overview
from django_durable.models import Worker, Workflow
from django_durable.testing import run_until_idle
from tests.admin.rows import add, asks, register

pytestmark = pytest.mark.django_db

Status = Workflow.Status
PARTS = ("load", "crew", "totals", "finished", "requests", "failures")


@durable.workflow
def waits():
    return durable.recv("news")


def overview():
    return Overview("default", Workflow.objects.all())


def test_nothing_is_counted_where_nothing_is():
    found = overview()

    assert (found.load.queues, str(found.load.queued)) == ((), "0")
    assert not any((found.totals.waiting, found.totals.failed, found.totals.stranded))
    assert found.finished.total == 0
    assert len(found.finished.slots) == 72
    assert (found.requests, found.failures) == ([], [])
    assert not found.is_unattended


def test_the_queues_tell_what_is_ready_in_them_since_when_and_what_runs():
    worker = register()
    add("a", Status.ENQUEUED, ago=40)
    oldest = add("b", Status.ENQUEUED, ago=400, priority=-5)
    add("later", Status.ENQUEUED, ago=-3600)
    add("c", Status.PENDING, worker=worker, queue_name="mail", ago=7)
    add("d", Status.PENDING, worker=worker)

    found = overview().load

    rows = {q.name: (str(q.depth), q.oldest_at, str(q.running)) for q in found.queues}
    assert rows == {
        "default": ("2", oldest.run_after, "1"),
        "mail": ("0", None, "1"),
    }
    assert (str(found.queued), found.oldest_at) == ("2", oldest.run_after)
    assert (str(found.running), found.held) == ("2", {worker.pk: 2})
    assert clock.now() - found.running_since > timedelta(seconds=50)


def test_the_totals_tell_what_failed_today_and_what_needs_a_person():
    register()
    for number, status in enumerate(Status.values):
        add(f"new-{number}", status, ago=60)
        add(f"old-{number}", status, ago=90_000)
    add("lost", Status.WAITING, version="2")
    add("lost too", Status.ENQUEUED, name="orders.unknown")

    found = overview().totals

    assert (str(found.failed), str(found.dead)) == ("2", "2")
    assert (str(found.paused), str(found.waiting)) == ("2", "3")
    assert str(found.stranded) == "2"


def test_what_ended_is_counted_by_five_minutes_and_outcome():
    add("a", Status.SUCCESS, ago=1)
    add("b", Status.ERROR, ago=1)
    add("c", Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED, ago=1)
    add("d", Status.CANCELLED, ago=3600)
    add("e", Status.SUCCESS, ago=7 * 3600)

    found = overview().finished

    assert (found.total, found.is_cut) == (4, False)
    assert sum(slot.failed for slot in found.slots[-2:]) == 2
    (cancelled,) = [slot for slot in found.slots if slot.cancelled]
    row = Workflow.objects.get(pk="d")
    assert timedelta() <= row.completed_at - cancelled.begins_at < timedelta(minutes=5)


def test_counts_stop_at_their_caps_and_say_so(monkeypatch):
    monkeypatch.setattr(statements.Ask.__init__, "__defaults__", ("COUNT(*)", 2))
    monkeypatch.setattr(overviews, "CAP", 2)
    for number in range(4):
        add(f"w-{number}", Status.WAITING)

    found = overview().totals.waiting

    assert (found.number, str(found)) == (2, "2+")


def test_the_overview_takes_six_statements_whatever_there_is():
    register()
    for number, status in enumerate(Status.values):
        add(f"row-{number}", status)
    asks.start()
    run_until_idle()
    found = overview()
    assert condition.missing_migrations("default") == []

    with CaptureQueriesContext(
        connection,
    ) as queries:
        for part in PARTS:
            getattr(found, part)
        assert condition.missing_migrations("default") == []

    assert len(queries) == 6


def test_what_waits_for_a_person_is_listed_until_it_is_answered():
    handle = asks.using(workflow_id="asks").start()
    soon = asks.using(workflow_id="soon").start(timeout=60)
    waits.start()
    run_until_idle()
    asks.using(workflow_id="answered").start()
    run_until_idle()
    durable.send("answered", "yes", "verdict")

    assert [wait.workflow_id for wait in overview().requests] == ["soon", "asks"]
    assert str(overview().totals.requests) == "2"

    soon_id = soon.workflow_id
    durable.cancel_workflow(soon_id)
    durable.send(handle, "no", "verdict")
    assert overview().requests == []


def test_a_request_whose_time_is_up_is_not_listed_any_more():
    asks.start(timeout=60)
    run_until_idle()
    found = overview()
    found.now += timedelta(seconds=61)

    assert found.requests == []


@pytest.mark.parametrize(
    ("ago", "changes", "pulse"),
    [
        (0, {}, "fresh"),
        (600, {}, "late"),
        (1001, {}, "lost"),
        (0, {"state": Worker.State.DEAD}, "lost"),
        (0, {"state": Worker.State.STOPPED}, "gone"),
    ],
)
def test_a_worker_is_fresh_late_lost_or_gone(patience, ago, changes, pulse):
    worker = register(ago=ago, **changes)
    found = overview().crew

    assert found.pulse(worker) == pulse
    assert found.slots == (16 if pulse == "fresh" else 0)


@pytest.mark.parametrize(
    ("kind", "ago", "is_unattended"),
    [
        (Worker.Kind.WORKER, 0, False),
        (Worker.Kind.WORKER, 600, True),
        (Worker.Kind.DIRECT, 0, True),
    ],
)
def test_queued_work_is_unattended_without_a_fresh_worker(
    patience, kind, ago, is_unattended
):
    register(kind, ago=ago)
    add("a", Status.ENQUEUED)

    assert overview().is_unattended is is_unattended


def test_an_unapplied_migration_of_ours_is_named(monkeypatch):
    monkeypatch.setattr(condition, "_complete", set())
    assert condition.missing_migrations("default") == []
    assert condition._complete == {"default"}

    monkeypatch.setattr(condition, "_complete", set())
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE name = '0001_initial'")
    assert condition.missing_migrations("default") == ["0001_initial"]


@pytest.mark.once
def test_failures_are_drawn_by_the_half_hour():
    began = clock.now()
    slots = [Slot(began) for _ in range(72)]
    slots[3] = Slot(began, failed=1, success=9)
    slots[70], slots[71] = Slot(began, failed=3), Slot(began, failed=4)

    assert Finished(tuple(slots)).failures == "▂▁▁▁▁▁▁▁▁▁▁█"
    assert Finished(tuple(slots[4:8])).failures == ""
