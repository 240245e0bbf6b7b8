"""Every signal, from every way to execute a workflow, after the commit."""

import pytest
from django.db import connection, transaction
from django.test import override_settings

import django_durable as durable
from django_durable import signals
from django_durable.models import Worker, Workflow
from django_durable.testing import run_until_idle
from tests.running import COLD, in_loop, row_of, wait_until, worker

pytestmark = pytest.mark.django_db(transaction=True)


@durable.step
def ordinary():
    return 1


@durable.step
async def aordinary():
    return 1


@durable.transaction
def committed():
    return 1


@durable.step
def failing():
    raise LookupError("no")


@durable.workflow
def child():
    ordinary()


@durable.workflow
def succeeds():
    ordinary()
    committed()
    durable.set_event("key", 1)
    child()


@durable.workflow
async def asucceeds():
    await aordinary()
    await committed.acall()
    await durable.aset_event("key", 1)
    await child.acall()


@durable.workflow
def fails():
    failing()


@durable.workflow
async def afails():
    await failing.acall()


@durable.workflow
def waits():
    durable.recv()


SUCCEEDS = [
    "workflow_enqueued",
    "workflow_started",
    "step_finished step",
    "step_finished transaction",
    "step_finished set_event",
    "workflow_enqueued",
    "workflow_started",
    "step_finished step",
    "workflow_finished",
    "step_finished child",
    "workflow_finished",
]
FAILS = [
    "workflow_enqueued",
    "workflow_started",
    "step_finished step failed",
    "workflow_failed",
]


@pytest.fixture
def told():
    """What was told, in order; each with the connection it was told on."""
    heard = []

    def receiver(signal, kind="", failed=False, **facts):
        names = [_NAMES[signal], kind, "failed" if failed else ""]
        heard.append(" ".join(filter(None, names)))
        early.append(connection.in_atomic_block)

    early = []
    for signal in _NAMES:
        signal.connect(receiver)
    yield heard
    for signal in _NAMES:
        signal.disconnect(receiver)
    assert not any(early), "told before the commit"


_NAMES = {
    value: name
    for name, value in vars(signals).items()
    if isinstance(value, signals.Signal) and name.startswith(("workflow_", "step_"))
}


def in_a_worker(definition, told):
    handle = definition.start()  # Told before a worker can know of it.
    with worker():
        wait_until(lambda: row_of(handle).is_finished)
        wait_until(lambda: told[-1] in ("workflow_finished", "workflow_failed"))


def until_idle(definition, told):
    definition.start()
    run_until_idle()


def directly(definition, told):
    try:
        if definition.is_async:
            in_loop(definition)
        else:
            definition()
    except LookupError:
        pass


def within_a_transaction(definition, told):
    with transaction.atomic():
        directly(definition, told)
        assert told == []


WAYS = [in_a_worker, until_idle, directly, within_a_transaction]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        (succeeds, SUCCEEDS),
        (asucceeds, SUCCEEDS),
        (fails, FAILS),
        (afails, FAILS),
    ],
    ids=lambda each: getattr(each, "name", "").rpartition(".")[2],
)
def test_each_fact_is_told_once_and_in_order(way, definition, expected, told):
    way(definition, told)

    assert told == expected


def test_what_is_rolled_back_was_never_told(told):
    with transaction.atomic():
        directly(succeeds, told)
        transaction.set_rollback(True)

    assert told == []


def test_a_pause_is_told_with_its_reason(told):
    handle = waits.start()
    run_until_idle()
    Workflow.objects.filter(pk=handle.workflow_id).update(inputs="nonsense")
    durable.send(handle, 1)

    run_until_idle()

    assert row_of(handle).status == Workflow.Status.PAUSED
    assert told[-2:] == ["workflow_started", "workflow_paused"]


def test_a_workflow_whose_code_is_gone_from_a_worker_is_paused_and_told(
    told, monkeypatch
):
    handle = waits.start()
    with override_settings(DURABLE=COLD), worker() as running:
        wait_until(lambda: row_of(handle).status == Workflow.Status.WAITING)
        monkeypatch.setattr(
            "django_durable.worker.runner.registry.find", lambda _: None
        )
        durable.send(handle, 1)
        wait_until(lambda: row_of(handle).status == Workflow.Status.PAUSED)
        wait_until(lambda: "workflow_paused" in told)
        assert running.is_gone is False


@pytest.mark.parametrize(
    ("stalls", "attempts", "name"),
    [(0, 0, "workflow_recovered"), (5, 9, "workflow_dead")],
)
def test_the_loss_of_a_worker_is_told(told, stalls, attempts, name):
    handle = waits.start()
    lost = Worker.objects.register(Worker.Kind.WORKER)
    Workflow.objects.filter(pk=handle.workflow_id).update(
        status=Workflow.Status.PENDING,
        worker=lost,
        claim=1,
        stalls=stalls,
        recovery_attempts=attempts,
    )
    Worker.objects.filter(pk=lost.pk).update(state=Worker.State.DEAD)

    with transaction.atomic():
        Workflow.objects.requeue_abandoned()
        assert name not in told

    assert told == ["workflow_enqueued", name]


def test_a_missed_deadline_is_told_as_a_cancellation(told):
    handle = waits.start()
    past = row_of(handle).created_at
    Workflow.objects.filter(pk=handle.workflow_id).update(deadline=past)

    with transaction.atomic():
        assert Workflow.objects.cancel_overdue() == 1
        assert told == ["workflow_enqueued"]

    assert told == ["workflow_enqueued", "workflow_cancelled"]


@pytest.mark.parametrize("operation", ["restart", "fork"])
def test_what_an_operator_starts_is_told(told, operation):
    handle = fails.start()
    run_until_idle()
    told.clear()

    with transaction.atomic():
        arguments = [1] if operation == "fork" else []
        getattr(row_of(handle), operation)(*arguments)
        assert told == []

    assert told == ["workflow_enqueued"]


def test_a_cancellation_is_told_of_the_whole_family(told):
    handle = waits.start()
    Workflow.objects.create(
        id="child",
        name="n",
        version="1",
        inputs="json:[{}]",
        parent_id=handle.workflow_id,
        run_after=row_of(handle).run_after,
        created_at=row_of(handle).created_at,
        changed_at=row_of(handle).created_at,
    )

    with transaction.atomic():
        durable.cancel_workflow(handle.workflow_id)
        assert told == ["workflow_enqueued"]

    assert told[1:] == ["workflow_cancelled"] * 2
