"""Events: the latest value under a key, readable by anybody, recorded by workflows."""

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync

import django_durable as durable
from django_durable.models import Event, EventHistory
from django_durable.testing import assert_steps, run_until_idle, virtual_time
from tests.communication import workflows
from tests.models import Entry

pytestmark = pytest.mark.django_db

WRITERS = pytest.mark.parametrize(
    "definition", [workflows.publishes, workflows.apublishes]
)
READERS = pytest.mark.parametrize(
    "definition", [workflows.reads_event, workflows.areads_event]
)


@WRITERS
def test_outside_code_reads_what_a_workflow_has_set(definition):
    handle = definition.start(url="/pay", state={"n": 1})

    run_until_idle()

    assert durable.get_event(handle, "url", timeout=0) == "/pay"
    assert durable.get_events(handle.workflow_id) == {"url": "/pay", "state": {"n": 1}}
    assert_steps(handle, ["set_event(url)", "set_event(state)"])


def test_async_code_reads_events_too():
    async def read(handle):
        url = await durable.aget_event(handle, "url", timeout=0)
        return url, await durable.aget_events(handle)

    handle = workflows.publishes.start(url="/pay")
    run_until_idle()

    assert async_to_sync(read)(handle) == ("/pay", {"url": "/pay"})


@READERS
def test_a_workflow_reads_anothers_event(definition):
    workflows.publishes.using(workflow_id="p").start(url="/pay")
    reader, lost = definition.start("p", "url"), definition.start("nobody", "url")

    run_until_idle()

    assert reader.get_result() == "/pay"
    assert_steps(reader, ["get_event(url)"])
    with pytest.raises(durable.WorkflowNotFound):
        lost.get_result()


@READERS
def test_a_suspended_reader_is_woken_by_the_event(definition):
    writer = workflows.receiver.using(workflow_id="w").start("go")
    late = workflows.publishes.using(workflow_id="p", run_after=timedelta(days=1))
    late.start(url="/pay")
    reader = definition.start("p", "url", None)

    with virtual_time() as time:
        run_until_idle()
        assert reader.get_status() == "WAITING"
        time.advance(days=1)
        run_until_idle()

    assert reader.get_result() == "/pay"
    assert writer.get_status() == "WAITING"


@READERS
def test_a_default_stands_in_for_an_event_that_does_not_come(definition):
    workflows.receiver.using(workflow_id="quiet").start("go")
    reader = definition.start("quiet", "url", 60, default="none")
    failing = definition.start("quiet", "url", 60)

    with virtual_time() as time:
        run_until_idle()
        time.advance(seconds=61)
        run_until_idle()

    assert reader.get_result() == "none"
    with pytest.raises(durable.WaitTimeout, match="event 'url' of workflow 'quiet'"):
        failing.get_result()


@READERS
def test_nobody_waits_for_a_workflow_that_has_ended_without_the_event(definition):
    handle = workflows.publishes.using(workflow_id="p").start(other=1)
    reader = definition.start("p", "url", None, default="none")
    run_until_idle()
    assert reader.get_status() == "WAITING"

    durable.send(handle, "now", "end")
    run_until_idle()

    assert reader.get_result() == "none"
    assert durable.get_event("p", "url", timeout=None, default=7) == 7
    with pytest.raises(durable.WaitTimeout):
        durable.get_event("p", "url", timeout=None)


def test_events_of_an_unknown_workflow_are_refused():
    for ask in (durable.get_event, lambda pk, key: durable.get_events(pk)):
        for pk in ("nobody", "nul\0"):
            with pytest.raises(durable.WorkflowNotFound):
                ask(pk, "url")


def test_a_value_read_in_a_workflow_replays_although_it_changed():
    handle = workflows.publishes.using(workflow_id="p").start(url="old")
    reader = workflows.reads_twice.start("p", "url")
    run_until_idle()

    Event.objects.update(value='json:"new"')
    durable.send(reader, 1, "go")
    run_until_idle()

    assert reader.get_result() == ["old", {"url": "old"}]
    assert durable.get_event(handle, "url") == "new"


def test_the_latest_value_is_the_event_and_the_history_keeps_all():
    handle = workflows.sets_once.start("key")  # Nothing.
    writer = workflows.publishes.start(a=1)
    run_until_idle()

    assert durable.get_events(handle) == {}
    assert EventHistory.objects.get().workflow_id == writer.workflow_id


def test_steps_set_events_and_a_transaction_with_its_commit():
    handle = workflows.sets_from_steps.start()

    run_until_idle()

    assert durable.get_events(handle) == {"inside": 1, "atomic": 2}
    assert Entry.objects.get().key == "atomic"


def test_the_event_of_a_transaction_that_fails_is_not_set():
    handle = workflows.sets_from_steps.start(fails=True)

    run_until_idle()

    assert durable.get_events(handle) == {"inside": 1, "failed": True}
    assert not Entry.objects.exists()


@pytest.mark.parametrize("by_step", [None, "step", "transaction"])
def test_an_event_that_is_not_to_be_overwritten_is_set_once(by_step):
    handle = workflows.sets_once.start("key", 1, 2, 3, by_step=by_step)

    with virtual_time() as time:
        run_until_idle()
        time.advance(seconds=2)
        run_until_idle()

    assert handle.get_result() == ["key", "key"]
    assert durable.get_event(handle, "key") == 1
    assert EventHistory.objects.count() == 1


def test_a_step_that_is_tried_again_may_set_the_same_value_again():
    handle = workflows.sets_again.start("once", 1, 1)

    run_until_idle()

    assert handle.get_result() is None
    assert durable.get_events(handle) == {"once": 1}


def test_a_step_that_is_tried_again_may_not_set_another_value():
    handle = workflows.sets_again.start("once", 1, 2)

    run_until_idle()

    with pytest.raises(durable.EventAlreadySet):
        handle.get_result()
    assert durable.get_events(handle) == {"once": 1}
