"""A fork keeps what was recorded before a step, and nothing after it."""

import pytest

import django_durable as durable
from django_durable import clock
from django_durable.definitions import registry
from django_durable.exceptions import ForkImpossible, WorkflowNotFound
from django_durable.models import (
    Attempt,
    Event,
    EventHistory,
    Notification,
    Step,
    Stream,
    StreamEntry,
    Wait,
    Workflow,
)
from django_durable.testing import run_until_idle
from tests.belongings import owner_of
from tests.models import Entry
from tests.operations import workflows
from tests.operations.workflows import broken, calls, forked, ran
from tests.running import COLD, in_loop, row_of, steps_of

pytestmark = pytest.mark.django_db

Status = Workflow.Status


@pytest.fixture(autouse=True)
def cold(settings):
    settings.DURABLE = COLD


def contents(model, pk, *fields):
    rows = model.objects.filter(**{owner_of(model): pk})
    return list(rows.order_by(*fields).values_list(*fields))


@pytest.mark.parametrize("from_step", [1, 2, 3, 4])
def test_a_fork_repeats_its_step_and_what_comes_after(from_step):
    fork = forked(ran(workflows.letters), from_step)

    assert calls == list("abc")[from_step - 1 :]
    assert fork.status == Status.SUCCESS
    assert durable.retrieve_workflow(fork.pk).get_result() == ["a1", "b1", "c1"]


def test_a_fork_leaves_its_origin_as_it_was():
    workflow = ran(workflows.letters)
    before = Workflow.objects.filter(pk="w").values().get()

    forked(workflow, 2)

    assert Workflow.objects.filter(pk="w").values().get() == before
    assert Step.objects.filter(workflow="w").count() == 3


def test_a_fork_is_queued_as_its_origin_was():
    entry = Entry.objects.create(key="subject")
    options = {"queue_name": "slow", "priority": 7, "attributes": {"a": 1}}
    start = workflows.letters.using(**options, subject=entry, workflow_id="w").start
    start("ab")
    run_until_idle()

    fork = Workflow.objects.get(pk="w").fork(2)

    assert fork.status == Status.ENQUEUED
    assert (fork.queue_name, fork.priority, fork.attributes) == ("slow", 7, {"a": 1})
    assert list(Workflow.objects.for_subject(entry).order_by("created_at")) == [
        Workflow.objects.get(pk="w"),
        fork,
    ]
    assert fork.inputs == Workflow.objects.get(pk="w").inputs
    assert fork.forked_from_id == "w"
    assert list(Workflow.objects.get(pk="w").forks.all()) == [fork]
    assert fork.parent_id is None


def test_a_fork_begins_with_the_summary_of_its_origin_and_a_restart_without():
    workflow = ran(workflows.letters)
    Workflow.objects.filter(pk=workflow.pk).update(summary="three letters")
    workflow.refresh_from_db()

    assert workflow.fork(2).summary == "three letters"
    assert workflow.restart().summary == ""


def test_a_fork_may_go_to_another_queue_and_version():
    workflow = ran(workflows.letters)

    fork = workflow.fork(2, queue_name="other", version="next")

    assert (fork.queue_name, fork.version) == ("other", "next")


def test_a_fork_runs_the_code_at_hand():
    workflow = ran(workflows.letters)
    Workflow.objects.update(version="of last month")
    workflow.refresh_from_db()

    assert workflow.fork(2).version == workflows.letters.version


def test_a_fork_of_unknown_code_keeps_the_version(monkeypatch):
    workflow = ran(workflows.letters)
    monkeypatch.setattr(registry, "_definitions", {})
    Workflow.objects.update(name="elsewhere", version="5")

    assert workflow.fork(2).version == "5"


def test_a_workflow_that_its_body_failed_goes_on_after_its_last_step():
    broken.add("end")
    workflow = ran(workflows.raises_at_its_end)
    assert workflow.status == Status.ERROR

    broken.clear()
    fork = forked(workflow, 3)

    assert (fork.status, calls) == (Status.SUCCESS, [])


def test_a_workflow_that_a_step_failed_goes_on_from_that_step():
    broken.add("b")
    workflow = ran(workflows.letters)
    assert workflow.status == Status.ERROR

    broken.clear()
    fork = forked(workflow, 2)

    assert (fork.status, calls) == (Status.SUCCESS, ["b", "c"])


def test_a_transaction_that_was_kept_is_not_repeated():
    fork = forked(ran(workflows.writes), 3)

    assert (fork.status, calls) == (Status.SUCCESS, ["c"])
    assert Entry.objects.count() == 1


def test_the_fork_of_a_fork_keeps_its_steps_too():
    first = forked(ran(workflows.letters), 3)
    calls.clear()

    second = forked(first, 2)

    assert calls == ["b", "c"]
    assert second.forked_from_id == first.pk


def test_a_fork_of_one_that_waits_waits_anew():
    workflow = ran(workflows.waits)
    assert workflow.status == Status.WAITING

    fork = forked(workflow, 2)
    durable.send(fork.pk, "hello", "go")
    run_until_idle()

    assert durable.retrieve_workflow(fork.pk).get_result() == "hello"
    assert row_of(durable.retrieve_workflow("w")).status == Status.WAITING
    assert calls == []


def test_messages_that_nobody_has_read_stay_where_they_are():
    workflow = ran(workflows.waits)
    durable.send("w", "unread", "other")

    fork = forked(workflow, 2)

    assert not Notification.objects.filter(destination=fork.pk).exists()


def talked():
    """Return one that has published and received everything."""
    workflows.publishes.using(workflow_id="w").start()
    run_until_idle()
    durable.send("w", "go", "go", idempotency_key="once")
    run_until_idle()
    return Workflow.objects.get(pk="w")


# From which step -> the events, the values of the stream, how many messages.
OF_THAT_TIME = {
    2: ({"state": "first"}, [], 0),
    3: ({"state": "first"}, [1], 0),
    4: ({"state": "first"}, [1], 1),
    6: ({"state": "go"}, [1, 2], 1),
    7: ({"state": "go", "inside": 6}, [1, 2, 3], 1),
    8: ({"state": "go", "inside": 6}, [1, 2, 3], 1),
    9: ({"state": "go", "inside": 6, "late": True}, [1, 2, 3], 1),
}


@pytest.mark.parametrize("from_step", OF_THAT_TIME)
def test_a_fork_has_events_streams_and_messages_of_that_time(from_step):
    events, log, messages = OF_THAT_TIME[from_step]

    fork = talked().fork(from_step)

    assert durable.get_events(fork.pk) == events
    entries = contents(StreamEntry, fork.pk, "key", "offset", "value")
    assert [row for row in entries if row[0] == "log"] == [
        ("log", number, f"json:{value}") for number, value in enumerate(log)
    ]
    other = {("other", 1)} if from_step > 6 else set()
    assert {
        (key, offset) for key, offset in contents(Stream, fork.pk, "key", "next_offset")
    } == ({("log", len(log))} if log else set()) | other
    is_closed = Stream.objects.filter(workflow=fork.pk, key="log", is_closed=True)
    assert is_closed.exists() == (from_step > 7)
    assert len(contents(Notification, fork.pk, "consumed_by")) == messages


def test_a_fork_publishes_on_from_where_it_stands():
    fork = talked().fork(4)

    run_until_idle()

    for model, *fields in [
        (Event, "key", "value"),
        (EventHistory, "key", "step_id", "value"),
        (Stream, "key", "next_offset", "is_closed", "closed_by"),
        (StreamEntry, "key", "offset", "value", "step_id"),
        (Notification, "topic", "message", "idempotency_key", "consumed_by"),
        (Step, "step_id", "name", "output"),
    ]:
        assert contents(model, fork.pk, *fields) == contents(model, "w", *fields)


def test_a_step_that_was_retried_is_kept_with_its_tries():
    workflow = ran(workflows.retries)

    fork = workflow.fork(2)

    tries = ("step_id", "attempt", "error", "failed_at")
    assert contents(Attempt, fork.pk, *tries) == contents(Attempt, "w", *tries) != []
    assert contents(Attempt, workflow.fork(1).pk, "attempt") == []


def test_children_of_kept_steps_are_not_started_again():
    workflow = ran(workflows.family)
    children = {row.pk for row in workflow.children.all()}

    fork = forked(workflow, 3)

    assert durable.retrieve_workflow(fork.pk).get_result()[:2] == [
        "called1",
        "started1",
    ]
    assert calls == ["end"]
    assert {row.pk for row in workflow.children.all()} == children
    assert not fork.children.exists()


def test_children_of_repeated_steps_are_new_ones():
    fork = forked(ran(workflows.family), 2)

    assert [row.pk for row in fork.children.all()] == [f"{fork.pk}/2"]
    assert calls == ["called", "end"]


# From which step -> what is repeated. From after the last one, nothing is known to
# have come later.
REPEATED = {1: "abcdefg", 2: "defg", 3: "efg", 4: ""}


@pytest.mark.parametrize("from_step", REPEATED)
def test_branches_are_kept_as_they_were_when_the_step_began(from_step):
    fork = forked(ran(workflows.side_by_side), from_step)

    assert "".join(sorted(calls)) == REPEATED[from_step]
    assert fork.status == Status.SUCCESS


@pytest.mark.parametrize(("branch", "repeated"), [("1", "bdefg"), ("2", "cdefg")])
def test_a_branch_can_be_forked(branch, repeated):
    fork = forked(ran(workflows.side_by_side), 1, branch=branch)

    others = {"1": {"c"}, "2": {"b"}}[branch]
    assert set(repeated) <= set(calls) <= set(repeated) | others
    assert fork.status == Status.SUCCESS


def test_async_branches_are_kept_too():
    fork = forked(ran(workflows.a_task_beside), 3)

    assert calls == ["e"]
    assert [row[:2] for row in steps_of(durable.retrieve_workflow(fork.pk))] == [
        ("", 1),
        ("", 2),
        ("", 3),
        ("1", 1),
        ("1", 2),
    ]


def test_of_another_claim_earlier_steps_are_kept_and_later_ones_are_not():
    workflow = ran(workflows.side_by_side)
    late = Step.objects.filter(workflow="w", branch="1")
    late.update(claim=2)  # Of a worker whose clock is late.
    Workflow.objects.update(claim=2)

    fork = workflow.fork(2)

    assert contents(Step, fork.pk, "branch", "step_id") == [("", 1), ("2", 1)]
    Step.objects.filter(workflow="w").exclude(branch="1").update(claim=3)
    late.update(completed_at=clock.now())  # Of one whose clock is early.
    assert {row[0] for row in contents(Step, workflow.fork(2).pk, "branch")} >= {"1"}


def test_nothing_waits_before_a_fork_runs():
    assert not Wait.objects.filter(workflow=ran(workflows.waits).fork(2).pk).exists()


def test_async_code_forks_too():
    ran(workflows.letters)

    handle = in_loop(durable.afork_workflow, "w", 2, new_workflow_id="f")

    assert (handle.workflow_id, handle.created) == ("f", True)
    with pytest.raises(WorkflowNotFound):
        in_loop(durable.afork_workflow, "nobody", 2)


def test_a_restart_starts_from_the_beginning_with_the_same_inputs():
    workflow = ran(workflows.letters, "xy")

    restarted = workflow.restart()
    run_until_idle()

    assert calls == ["x", "y"]
    assert restarted.forked_from_id == "w"
    handle = durable.restart_workflow("w", new_workflow_id="r")
    assert (handle.workflow_id, handle.created) == ("r", True)
    assert not durable.restart_workflow("w", new_workflow_id="r").created
    assert in_loop(durable.arestart_workflow, "w").created


@pytest.mark.parametrize(
    ("branch", "from_step"),
    [("", step) for step in range(1, len(REPEATED) + 1)] + [("1", 1), ("1", 2)],
)
def test_what_a_fork_would_keep_is_told_beforehand(branch, from_step):
    workflow = ran(workflows.side_by_side)

    kept, again = workflow.steps_of_fork(from_step, branch=branch)
    fork = workflow.fork(from_step, branch=branch)

    told = list(kept.order_by("branch", "step_id").values_list("branch", "step_id"))
    assert told == contents(Step, fork.pk, "branch", "step_id")
    assert kept.count() + again.count() == workflow.steps.count()


def test_what_a_fork_would_keep_of_other_claims_is_told_beforehand():
    workflow = ran(workflows.side_by_side)
    Step.objects.filter(workflow="w", branch="1").update(claim=2)
    Workflow.objects.update(claim=2)

    kept, _again = workflow.steps_of_fork(2)

    assert set(kept.values_list("branch", "step_id")) == {("", 1), ("2", 1)}
    with pytest.raises(ForkImpossible):
        workflow.steps_of_fork(99)
