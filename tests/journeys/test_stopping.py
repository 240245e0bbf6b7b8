"""SIGTERM: what runs is handed over, and nothing of it counts as a crash."""

import signal

import pytest

from django_durable import clock
from django_durable.models import Step, Wait, Worker, Workflow
from tests.journeys import workflows
from tests.journeys.processes import AT_ONCE, PATIENCE, PATIENT, wait_until

pytestmark = pytest.mark.django_db(transaction=True)

ENDINGS = {
    "held": (workflows.held, signal.SIGTERM),
    "aheld": (workflows.aheld, signal.SIGTERM),
}
MORE_ENDINGS = {
    "aheld_in_thread": (workflows.aheld_in_thread, signal.SIGTERM),
    "held, SIGINT": (workflows.held, signal.SIGINT),
}


@pytest.mark.parametrize(
    ("definition", "number"),
    [
        *(pytest.param(*case, id=name) for name, case in ENDINGS.items()),
        *(
            pytest.param(*case, id=name, marks=pytest.mark.once)
            for name, case in MORE_ENDINGS.items()
        ),
    ],
)
def test_a_running_step_ends_and_is_recorded(definition, number, processes, ledger):
    worker = processes.worker(JOURNEY_DRAIN="30", **PATIENT)
    handle = definition.start("gate")
    wait_until(lambda: len(ledger.calls()) == 2)

    worker.signal(number)
    wait_until(Worker.objects.filter(state=Worker.State.DRAINING).exists)
    late = workflows.leaf.start(1)
    ledger.open("gate")

    assert worker.ended() == 0
    assert_handed_over(handle, claim=1)
    assert Step.objects.filter(workflow_id=handle.workflow_id).count() == 2
    assert Workflow.objects.get(pk=late.workflow_id).claim == 0
    processes.worker()
    assert handle.get_result(timeout=PATIENCE) == (1, "gate", 2)
    assert len(ledger.calls(handle.workflow_id)) == 3


@pytest.mark.once
@pytest.mark.parametrize(
    "definition",
    [workflows.held, workflows.aheld, workflows.aheld_in_thread, workflows.stuck],
    ids=lambda held: held.__name__,
)
def test_a_step_that_outlasts_the_drain_is_put_back(definition, processes, ledger):
    worker = processes.worker("--drain=0.5", **PATIENT)
    handle = definition.start("never")
    wait_until(lambda: len(ledger.calls()) == 2)

    worker.signal(signal.SIGTERM)

    assert worker.ended(timeout=AT_ONCE) == 0
    assert_handed_over(handle, claim=2)
    assert Step.objects.filter(workflow_id=handle.workflow_id).count() == 1


@pytest.mark.parametrize(
    "hot_seconds",
    [
        pytest.param("0", id="cold"),
        pytest.param("60", id="hot", marks=pytest.mark.once),
    ],
)
def test_deploys_do_not_postpone_a_sleep(hot_seconds, processes):
    hot = {"JOURNEY_HOT_WAIT": hot_seconds, "JOURNEY_ASYNC_HOT_WAIT": hot_seconds}
    hot |= PATIENT
    handles = [workflows.nap.start(60), workflows.anap.start(60)]

    seen = []
    for _ in range(2):
        worker = processes.worker("--drain=30", **hot)
        seen.append(wait_until(due_times_of_two_sleeping))
        worker.signal(signal.SIGTERM)
        assert worker.ended(timeout=AT_ONCE) == 0
        seen.append(due_times())
        for handle in handles:
            assert_unharmed(handle)
    let_a_minute_pass()
    processes.worker(**hot)

    assert [handle.get_result(timeout=PATIENCE) for handle in handles] == [1, 2]
    assert all(due == seen[0] for due in seen)


@pytest.mark.once
def test_a_second_signal_ends_it_at_once(processes, ledger):
    worker = processes.worker("--drain=30")
    handle = workflows.held.start("gate")
    wait_until(lambda: len(ledger.calls()) == 2)

    worker.signal(signal.SIGTERM)
    wait_until(Worker.objects.filter(state=Worker.State.DRAINING).exists)
    worker.signal(signal.SIGTERM)

    assert worker.ended(timeout=AT_ONCE) == 1
    ledger.open("gate")
    processes.worker()
    assert handle.get_result(timeout=PATIENCE) == (1, "gate", 2)


@pytest.mark.once
def test_an_idle_worker_leaves_at_once(processes):
    worker = processes.worker("--drain=30")

    worker.signal(signal.SIGTERM)

    assert worker.ended(timeout=AT_ONCE) == 0
    assert Worker.objects.get().state == Worker.State.STOPPED


def test_a_worker_that_waits_for_its_database_leaves_too(processes, tmp_path):
    nowhere = f"sqlite:///{tmp_path}/missing/db.sqlite3"
    worker = processes.worker(is_ready=False, DATABASE_URL=nowhere)
    worker.wait_for("The database does not answer")

    worker.signal(signal.SIGTERM)

    assert worker.ended(timeout=AT_ONCE) == 0
    assert "Traceback" not in worker.log


def let_a_minute_pass():
    """Make all that is stored due: who asks the rows need not wait any more."""
    now = clock.now()
    Wait.objects.update(wake_at=now)
    Workflow.objects.filter(status="WAITING").update(wake_at=now)


def due_times():
    """Return when the waits that are stored are over, by workflow."""
    return dict(Wait.objects.values_list("workflow_id", "wake_at"))


def due_times_of_two_sleeping():
    """Return when two workflows are due that a worker has put, or keeps, asleep."""
    sleeping = Workflow.objects.filter(status__in=("PENDING", "WAITING"))
    due = due_times()
    return due if sleeping.count() == len(due) == 2 else None


def assert_handed_over(handle, *, claim):
    """The row is back in the queue."""
    row = Workflow.objects.get(pk=handle.workflow_id)
    assert (row.status, row.worker_id, row.claim) == ("ENQUEUED", None, claim)
    assert_unharmed(handle)


def assert_unharmed(handle):
    """Nothing counts as a crash."""
    row = Workflow.objects.get(pk=handle.workflow_id)
    assert (row.recovery_attempts, row.stalls) == (0, 0)
    assert row.status in ("ENQUEUED", "WAITING")
