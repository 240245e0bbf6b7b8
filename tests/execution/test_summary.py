"""What a workflow says of itself in one line."""

import pytest
from django.core.exceptions import SynchronousOnlyOperation
from django.db import transaction

import django_durable as durable
from django_durable.exceptions import NotInWorkflow
from django_durable.models import Workflow
from django_durable.testing import crash_everywhere, run_until_idle
from tests.running import in_loop, row_of, steps_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def seen():
    """What the workflows of a test have seen of their own rows."""
    _seen.clear()
    return _seen


_seen = []


def _look(workflow_id):
    _seen.append(Workflow.objects.get(pk=workflow_id).summary)


@durable.step
def look():
    _look(durable.workflow_id())


@durable.step
def say_inside(text):
    durable.set_summary(text)
    _look(durable.workflow_id())


@durable.step
async def asay_inside(text):
    await durable.aset_summary(text)


@durable.transaction
def say_and_commit(text):
    durable.set_summary(text)
    _look(durable.workflow_id())


@durable.transaction
def say_and_roll_back(text):
    durable.set_summary(text)
    raise LookupError


@durable.step
def say_within_atomic(text, *, fails):
    try:
        with transaction.atomic():
            durable.set_summary(text)
            if fails:
                raise LookupError
    except LookupError:
        pass


@durable.workflow
def packs():
    durable.set_summary("packing")
    look()
    say_inside("half packed")
    durable.set_summary("packed")


@durable.workflow
async def apacks():
    await durable.aset_summary("packing")
    await look.acall()
    await asay_inside("half packed")
    await look.acall()
    await durable.aset_summary("packed")


@durable.workflow
def waits():
    durable.set_summary("begun")
    say_inside("asked")
    durable.set_summary("waits")
    durable.recv("answer")
    look()
    durable.set_summary("answered")


@durable.workflow
def asks():
    say_inside("asked")
    durable.set_summary("waits")
    durable.recv("answer")
    durable.set_summary("answered")


@durable.workflow
def commits():
    durable.set_summary("before")
    say_and_commit("committed")
    look()
    try:
        say_and_roll_back("rolled back")
    except LookupError:
        look()
    say_within_atomic("undone", fails=True)
    look()
    say_within_atomic("done", fails=False)
    look()


def test_a_summary_is_seen_as_soon_as_it_is_set(seen):
    handle = packs.start()

    run_until_idle()

    assert seen == ["packing", "half packed"]
    assert row_of(handle).summary == "packed"


def test_an_async_workflow_and_its_steps_set_it_too(seen):
    handle = apacks.start()

    run_until_idle()

    assert seen == ["packing", "half packed"]
    assert row_of(handle).summary == "packed"


@pytest.mark.parametrize("definition", [packs, apacks])
def test_a_direct_call_sets_it(seen, definition):
    call = packs if definition is packs else lambda: in_loop(apacks)

    with durable.SetWorkflowID("direct"):
        call()

    assert seen == ["packing", "half packed"]
    assert Workflow.objects.get(pk="direct").summary == "packed"


def test_a_replay_does_not_put_an_older_summary_over_a_newer_one(seen):
    handle = waits.start()
    run_until_idle()
    before = row_of(handle).summary
    Workflow.objects.filter(pk=handle.workflow_id).update(summary="newer")

    durable.send(handle, "yes", "answer")
    run_until_idle()

    assert before == "waits"
    assert seen == ["asked", "newer"]
    assert row_of(handle).summary == "answered"


@pytest.mark.once
def test_it_is_no_step():
    handle = packs.start()

    run_until_idle()

    assert steps_of(handle) == [("", 1, "look"), ("", 2, "say_inside")]


def test_in_a_transaction_it_is_set_with_the_commit(seen):
    handle = commits.start()

    run_until_idle()

    assert seen == ["before", "committed", "committed", "committed", "done"]
    assert row_of(handle).summary == "done"


@pytest.mark.once
def test_wherever_a_process_dies_the_last_summary_is_the_newest():
    def ask():
        handle = asks.start()
        run_until_idle()
        before = row_of(handle).summary
        durable.send(handle, "yes", "answer")
        run_until_idle()
        return before, row_of(handle).summary

    assert crash_everywhere(ask) > 10


def test_who_does_not_hold_the_workflow_sets_nothing():
    handle = waits.start()
    run_until_idle()
    rows, claim = Workflow.objects.filter(pk=handle.workflow_id), row_of(handle).claim

    Workflow.objects.summarize(handle.workflow_id, claim, "it only waits")
    rows.update(status=Workflow.Status.PENDING, claim=claim + 1)
    Workflow.objects.summarize(handle.workflow_id, claim, "of a zombie")
    before = row_of(handle).summary
    Workflow.objects.summarize(handle.workflow_id, claim + 1, "of its holder")

    assert (before, row_of(handle).summary) == ("waits", "of its holder")


@durable.workflow
def says(text):
    durable.set_summary(text)


@pytest.mark.once
@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("  Order 7:\r\n\t3 parcels ", "Order 7: 3 parcels"),
        ("\x1b[31mred\x00", "␛[31mred␀"),
        ("a\u202eb\ud800", "a⟨U+202E⟩b⟨U+D800⟩"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 199 + "…"),
        ("", ""),
    ],
)
def test_it_is_one_short_line_in_which_nothing_is_hidden(text, summary):
    with durable.SetWorkflowID("says"):
        says(text)

    assert Workflow.objects.get(pk="says").summary == summary


@pytest.mark.once
@pytest.mark.parametrize("text", [None, 7, b"text"])
def test_it_is_a_string(text):
    with pytest.raises(TypeError, match="set_summary"):
        says(text)


@pytest.mark.once
def test_outside_of_workflows_nobody_is_meant():
    with pytest.raises(NotInWorkflow, match="set_summary"):
        durable.set_summary("nobody")
    with pytest.raises(NotInWorkflow, match="aset_summary"):
        in_loop(durable.aset_summary, "nobody")


@durable.workflow
async def says_in_a_sync_manner():
    durable.set_summary("text")


@pytest.mark.once
def test_async_code_is_told_of_the_twin():
    with pytest.raises(SynchronousOnlyOperation, match="aset_summary"):
        in_loop(says_in_a_sync_manner)
