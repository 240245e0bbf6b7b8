"""Signals are sent after the commit, and only when there was one."""

import pytest
from django.db import connection, transaction

import django_durable as durable
from django_durable import signals
from django_durable.models import Workflow
from tests import workflows
from tests.running import result_of, wait_until, worker

pytestmark = pytest.mark.django_db(transaction=True)

NAMES = [
    "workflow_enqueued",
    "workflow_started",
    "workflow_finished",
    "workflow_failed",
    "workflow_cancelled",
    "workflow_paused",
    "step_finished",
    "worker_started",
    "worker_stopped",
]


@durable.workflow
def fail_once():
    workflows.fail("no")


@pytest.fixture
def told():
    """What was told: (name of the signal, its facts)."""
    heard, receivers, early = [], [], []

    def listen(name):
        def receiver(sender, signal, **facts):
            early.append(connection.in_atomic_block)
            heard.append((name, facts))

        receivers.append((getattr(signals, name), receiver))
        getattr(signals, name).connect(receiver)

    for name in NAMES:
        listen(name)
    yield heard
    for signal, receiver in receivers:
        signal.disconnect(receiver)
    assert not any(early), "told before the commit"


@pytest.fixture
def hints():
    """The targets that somebody may have waited for."""
    heard = []

    def receiver(targets, **facts):
        heard.extend(targets)

    signals.published.connect(receiver)
    yield heard
    signals.published.disconnect(receiver)


def names(told):
    return [name for name, _ in told if not name.startswith("worker_")]


def test_a_start_is_told_after_the_commit(told):
    with transaction.atomic():
        handle = workflows.total.using(queue_name="slow").start(1)
        assert told == []

    ((name, facts),) = told
    assert name == "workflow_enqueued"
    assert facts == {
        "workflow_id": handle.workflow_id,
        "name": workflows.total.name,
        "queue_name": "slow",
    }


def test_a_start_that_is_rolled_back_is_not_told(told):
    with transaction.atomic():
        workflows.total.start(1)
        transaction.set_rollback(True)

    assert told == []


@pytest.mark.parametrize("is_rolled_back", [False, True])
def test_those_who_wait_are_told_after_the_commit(hints, is_rolled_back):
    with transaction.atomic():
        workflows.total.start(1)
        before = list(hints)
        transaction.set_rollback(is_rolled_back)

    assert (before, hints) == ([], [] if is_rolled_back else [signals.QUEUE])


def test_a_second_start_with_one_id_is_not_told(told):
    for _ in range(2):
        workflows.total.using(workflow_id="order-1").start(1)

    assert names(told) == ["workflow_enqueued"]


def test_a_cancellation_is_told_after_the_commit_with_its_reason(told):
    handle = workflows.total.start(1)

    with transaction.atomic():
        durable.cancel_workflow(handle.workflow_id, reason="enough")
        assert names(told) == ["workflow_enqueued"]
    durable.cancel_workflow(handle.workflow_id, reason="again")

    assert names(told) == ["workflow_enqueued", "workflow_cancelled"]
    assert told[-1][1]["reason"] == "enough"


def test_the_life_of_a_workflow_is_told_in_order(told):
    handle = workflows.total.start(1, 2)  # Told before a worker can know of it.
    with worker():
        result_of(handle)
        wait_until(lambda: "workflow_finished" in names(told))

    assert names(told) == [
        "workflow_enqueued",
        "workflow_started",
        "step_finished",
        "step_finished",
        "workflow_finished",
    ]
    steps = [facts for name, facts in told if name == "step_finished"]
    assert [facts["step_id"] for facts in steps] == [1, 2]
    assert not any(facts["failed"] for facts in steps)


def test_a_failure_is_told_with_its_error(told):
    with worker():
        handle = fail_once.start()
        with pytest.raises(ValueError, match="no"):
            result_of(handle)
        wait_until(lambda: "workflow_failed" in names(told))

    facts = next(facts for name, facts in told if name == "workflow_failed")
    assert facts["workflow_id"] == handle.workflow_id
    assert "ValueError" in facts["error"]


def test_a_worker_tells_that_it_starts_and_stops(told):
    with worker() as running:
        worker_id = running.worker_id

    ours = [(name, f["worker_id"]) for name, f in told if name.startswith("worker_")]
    assert ours == [("worker_started", worker_id), ("worker_stopped", worker_id)]


def test_a_direct_call_that_is_rolled_back_tells_nothing_of_its_row(told):
    with transaction.atomic():
        workflows.total(1, 2)
        transaction.set_rollback(True)

    assert "workflow_enqueued" not in names(told)
    assert "workflow_finished" not in names(told)
    assert "step_finished" not in names(told)


def test_a_receiver_that_raises_disturbs_nobody():
    def broken(**facts):
        raise ZeroDivisionError

    heard = (signals.workflow_enqueued, signals.step_finished, signals.worker_started)
    for signal in heard:
        signal.connect(broken)
    try:
        with worker():
            assert result_of(workflows.total.start(1, 2)) == 3
    finally:
        for signal in heard:
            signal.disconnect(broken)

    assert Workflow.objects.get().status == Workflow.Status.SUCCESS
