"""Who starts a process for a workflow that workers died of."""

import pytest

from django_durable.definitions import registry
from django_durable.models import Worker, Workflow
from django_durable.worker import quarantine
from django_durable.worker.quarantine import Quarantine, has_come_so_far
from tests import workflows

pytestmark = pytest.mark.django_db

PAIRS = [(each.name, each.version) for each in registry.all_definitions()]


class Child:
    """Stands for a process that has just been started."""

    returncode = None

    def __init__(self, pid):
        self.pid = pid

    def poll(self):
        return self.returncode


@pytest.fixture
def started(monkeypatch):
    """Return the processes that were started, without starting any."""
    children = []

    def start_child(arguments):
        children.append(Child(pid=100_000 + len(children)))
        return children[-1]

    monkeypatch.setattr(quarantine, "start_child", start_child)
    return children


def suspect():
    handle = workflows.total.start(1)
    Workflow.objects.filter(pk=handle.workflow_id).update(stalls=2)
    return Workflow.objects.get(pk=handle.workflow_id)


def look(times=1):
    """Look as so many workers do, one after the other."""
    for _ in range(times):
        Quarantine("default", 1.0).look(PAIRS, None)


def test_many_workers_start_one_process_for_one_suspect(started):
    suspect()

    look(times=4)

    assert len(started) == 1


def test_they_start_one_for_each_suspect(started):
    for _ in range(2):
        suspect()

    look(times=4)

    assert len(started) == 2


def test_a_process_that_is_busy_keeps_nobody_waiting(started):
    busy = suspect()
    look()
    child = Worker.objects.get(kind=Worker.Kind.QUARANTINE)
    Workflow.objects.filter(pk=busy.pk).update(status="PENDING", worker=child)
    suspect()

    look(times=4)

    assert len(started) == 2


def test_a_process_that_has_registered_answers_for_itself(started, monkeypatch):
    suspect()
    look()
    monkeypatch.setattr(quarantine.os, "getpid", lambda: started[0].pid)
    own = Worker.objects.register(Worker.Kind.QUARANTINE)

    has_come_so_far("default", own.pk)

    assert [row.pk for row in Worker.objects.all()] == [own.pk]


def test_a_process_that_died_before_it_registered_is_replaced(started):
    suspect()
    parent = Quarantine("default", 1.0)
    parent.look(PAIRS, None)
    started[0].returncode = -9
    started[0].let_go = lambda: None

    parent.look(PAIRS, None)

    assert len(started) == 2
