"""Time-outs of workflows: what is too late is cancelled, and says why."""

from datetime import timedelta

import pytest

import django_durable as durable
from django_durable.exceptions import WorkflowCancelled
from django_durable.models import Workflow
from django_durable.testing import crash_everywhere, run_until_idle, virtual_time
from tests import workflows
from tests.running import row_of
from tests.workflows import calls

pytestmark = pytest.mark.django_db

Status = Workflow.Status
HOUR = timedelta(hours=1)
DEADLINE = (Status.CANCELLED, "deadline")


@durable.workflow(timeout=HOUR)
def patient():
    workflows.add(1, 2)
    durable.recv("never")


@durable.workflow(timeout=3600)
async def apatient():
    await workflows.aadd(1, 2)
    await durable.arecv("never")


@durable.step
def take(seconds):
    calls.append(("take", seconds))
    now_is["time"].advance(seconds)


@durable.workflow(timeout=HOUR)
def slow(*lengths):
    for seconds in lengths:
        take(seconds)
    return "done"


@durable.workflow(timeout=HOUR)
def clockwork():
    take(3600)
    return durable.now()


@durable.workflow
def waiting_child():
    durable.recv("never")


@durable.workflow
def parent(minutes):
    started = waiting_child.start()
    inline = waiting_child.using(timeout=timedelta(minutes=minutes))
    return [inline(), started.get_result()]


@durable.workflow
def catching():
    try:
        waiting_child.using(timeout=HOUR)()
    except WorkflowCancelled as late:
        return late.reason


@durable.workflow(timeout=HOUR)
def telling():
    return [durable.current().deadline, tell_inside(), told_child()]


@durable.step
def tell_inside():
    return durable.current().deadline


@durable.workflow(timeout=2 * HOUR)
def told_child():
    return durable.current().deadline


@durable.workflow(timeout=HOUR)
def starting_slowly():
    waiting_child.start()
    take(4000)
    take(1)


@durable.step
def start_inside():
    waiting_child.start()


@durable.workflow(timeout=HOUR)
def starting_twice():
    waiting_child.using(timeout=2 * HOUR).start()
    start_inside()
    durable.recv("never")


now_is = {}


@pytest.fixture(autouse=True)
def time():
    with virtual_time() as time:
        now_is["time"] = time
        yield time


def ending_of(handle):
    row = row_of(handle)
    return row.status, row.cancel_reason


@pytest.mark.parametrize("definition", [patient, apatient])
def test_a_waiting_workflow_is_cancelled_when_its_time_is_over(time, definition):
    handle = definition.start()
    time.run_for(HOUR - timedelta(seconds=1))
    before = ending_of(handle)

    time.run_for(1)

    assert before == (Status.WAITING, "")
    assert ending_of(handle) == DEADLINE
    with pytest.raises(WorkflowCancelled, match=r"\(deadline\)") as caught:
        handle.get_result()
    assert caught.value.reason == "deadline"


def test_a_queued_workflow_is_cancelled_without_being_executed(time):
    handle = workflows.total.using(timeout=60).start(1)

    time.advance(60)
    run_until_idle()

    assert ending_of(handle) == DEADLINE
    assert calls == []


def test_nobody_needs_the_code_of_what_is_too_late(time):
    handle = workflows.total.using(timeout=60).start(1)
    Workflow.objects.update(version="of yesterday")

    time.run_for(60)

    assert ending_of(handle) == DEADLINE


def test_a_paused_workflow_is_cancelled_too(time):
    handle = workflows.total.using(timeout=60).start(1)
    Workflow.objects.update(status=Status.PAUSED, version="of yesterday")

    time.run_for(60)

    assert ending_of(handle) == DEADLINE


def test_a_running_workflow_stops_before_its_next_step():
    handle = slow.start(1800, 1800, 1800)

    run_until_idle()

    assert ending_of(handle) == DEADLINE
    assert calls == [("take", 1800), ("take", 1800)]


def test_a_recorded_value_is_a_step_as_well():
    handle = clockwork.start()

    run_until_idle()

    assert ending_of(handle) == DEADLINE


def test_a_workflow_that_returns_before_anybody_notices_keeps_its_result(time):
    handle = slow.start(4000)

    run_until_idle()
    time.run_for(HOUR)

    assert handle.get_result() == "done"


def test_the_time_begins_with_the_start_and_waiting_in_the_queue_counts(time):
    handle = patient.start()

    assert row_of(handle).deadline == time.now() + HOUR


def test_of_a_delayed_start_it_begins_when_it_may_run(time):
    delayed = patient.using(run_after=2 * HOUR).start()
    past = patient.using(run_after=time.now() - HOUR).start()

    assert row_of(delayed).deadline == time.now() + 3 * HOUR
    assert row_of(past).deadline == time.now() + HOUR


def test_a_start_may_have_another_time_out_or_none(time):
    assert row_of(patient.using(timeout=5).start()).deadline == time.now() + timedelta(
        seconds=5
    )
    assert row_of(patient.using(timeout=None).start()).deadline is None
    assert row_of(waiting_child.start()).deadline is None


def test_code_sees_the_deadline_and_a_child_inherits_the_earlier_one(time):
    handle = telling.start()
    deadline = time.now() + HOUR

    run_until_idle()

    assert handle.get_result() == [deadline] * 3


def test_a_child_that_is_started_in_a_body_or_in_a_step_inherits_it_too(time):
    handle = starting_twice.start()

    run_until_idle()

    deadlines = set(Workflow.objects.values_list("deadline", flat=True))
    assert Workflow.objects.count() == 3
    assert deadlines == {row_of(handle).deadline} == {time.now() + HOUR}


def test_a_child_with_an_earlier_deadline_leaves_its_parent_an_exception(time):
    handle = catching.start()

    time.run_for(HOUR)

    assert handle.get_result() == "deadline"


def test_children_go_along_and_come_back_with_their_parent(time):
    handle = parent.using(timeout=HOUR, workflow_id="top").start(600)
    time.run_for(HOUR)
    ended = {row.pk: (row.status, row.cancelled_with) for row in Workflow.objects.all()}

    durable.resume_workflow("top")
    run_until_idle()

    assert ended == {
        "top": (Status.CANCELLED, ""),
        "top/1": (Status.CANCELLED, "top"),
        "top/2": (Status.CANCELLED, "top"),
    }
    rows = Workflow.objects.all()
    assert {(row.status, row.deadline) for row in rows} == {(Status.WAITING, None)}
    time.run_for(24 * HOUR)
    assert handle.get_status() == Status.WAITING


def test_a_deadline_that_is_still_ahead_survives_a_resumption(time):
    handle = patient.start()
    time.run_for(60)
    durable.cancel_workflow(handle.workflow_id)

    durable.resume_workflow(handle.workflow_id)
    time.run_for(HOUR)

    assert ending_of(handle) == DEADLINE


def test_a_second_start_with_one_id_does_not_postpone_it(time):
    handle = patient.using(workflow_id="one").start()
    time.advance(60)

    patient.using(workflow_id="one").start()

    assert row_of(handle).deadline == time.now() + HOUR - timedelta(seconds=60)


def test_the_display_of_the_status_says_it(time):
    late, cancelled = patient.start(), waiting_child.start()
    time.run_for(HOUR)
    durable.cancel_workflow(cancelled.workflow_id)

    assert row_of(late).get_status_display() == "cancelled (deadline)"
    assert row_of(cancelled).get_status_display() == "cancelled"
    assert not row_of(cancelled).has_missed_deadline


def test_what_is_overdue_can_be_asked_for(time):
    late = patient.start()
    patient.using(timeout=24 * HOUR).start()

    time.advance(HOUR)

    assert [row.pk for row in Workflow.objects.all().overdue()] == [late.workflow_id]
    run_until_idle()
    assert not Workflow.objects.all().overdue().exists()


def test_more_than_one_look_takes_are_all_cancelled(time, monkeypatch):
    monkeypatch.setattr("django_durable.models.deadlines.BATCH", 2)
    for _ in range(5):
        patient.start()

    time.run_for(HOUR)

    assert Workflow.objects.filter(cancel_reason="deadline").count() == 5


def test_a_direct_call_is_cancelled_inside_of_a_transaction():
    with pytest.raises(WorkflowCancelled) as caught:
        slow(1800, 1800, 1800)

    assert caught.value.reason == "deadline"
    assert calls == [("take", 1800), ("take", 1800)]


def test_a_deadline_survives_a_crash_at_each_write(time):
    begins_at = time.now()

    def scenario():
        time.move_to(begins_at)
        handle = waiting_child.using(timeout=HOUR).start()
        time.run_for(2 * HOUR)
        durable.resume_workflow(handle.workflow_id)
        row = row_of(handle)
        return row.status, row.deadline

    assert crash_everywhere(scenario) >= 10


@pytest.mark.once
def test_a_deadline_that_a_running_parent_notices_survives_too(time):
    begins_at = time.now()

    def scenario():
        time.move_to(begins_at)
        starting_slowly.using(workflow_id="top").start()
        run_until_idle()
        ended = dict(Workflow.objects.values_list("pk", "cancel_reason"))
        durable.resume_workflow("top")
        run_until_idle()
        return ended, dict(Workflow.objects.values_list("pk", "status"))

    assert crash_everywhere(scenario) >= 15


@pytest.mark.parametrize("timeout", [0, -1, True, "60", float("nan")])
def test_a_time_out_that_is_no_length_of_time_is_refused(timeout):
    with pytest.raises((TypeError, ValueError), match="timeout"):
        patient.using(timeout=timeout)
    with pytest.raises((TypeError, ValueError), match="timeout"):
        durable.workflow(timeout=timeout)(lambda: None)
