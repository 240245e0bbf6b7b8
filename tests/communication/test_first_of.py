"""first_of: whichever comes first, recorded."""

import pytest

import django_durable as durable
from django_durable.models import Notification
from django_durable.testing import run_until_idle, virtual_time
from tests.communication import workflows

pytestmark = pytest.mark.django_db


def settle(*handles):
    """Let everything happen, the sleep after the race included."""
    with virtual_time() as time:
        run_until_idle()
        time.advance(seconds=2)
        run_until_idle()
    return [handle.get_result() for handle in handles]


@pytest.mark.parametrize(("topic", "index"), [("a", 0), ("b", 1)])
def test_the_message_that_comes_wins(topic, index):
    handle = workflows.races.start()
    run_until_idle()

    durable.send(handle, {"from": topic}, topic)

    assert settle(handle) == [[index, {"from": topic}]]


def test_of_several_that_are_over_the_first_argument_wins_and_the_rest_stays():
    handle = workflows.races.start()
    durable.send(handle, "second", "b")
    durable.send(handle, "first", "a")

    assert settle(handle) == [[0, "first"]]
    assert Notification.objects.get(consumed_by=None).topic == "b"


def test_an_event_wins():
    workflows.publishes.using(workflow_id="p").start(key="value")
    handle = workflows.races.start("p")

    assert settle(handle) == [[2, "value"]]


def test_a_result_wins():
    workflows.receiver.using(workflow_id="r").start(timeout=0, default="d")
    handle = workflows.races.start("r")

    assert settle(handle) == [[3, ["d"]]]


def test_the_error_of_a_workflow_that_failed_is_raised():
    failed = workflows.fails.using(workflow_id="f").start()
    handle = workflows.races.start("f")
    run_until_idle()

    with pytest.raises(LookupError, match="gone"):
        handle.get_result()
    assert failed.get_status() == "ERROR"


def test_an_unknown_workflow_cannot_be_waited_for():
    handle = workflows.races.start("nobody")
    run_until_idle()

    with pytest.raises(durable.WorkflowNotFound):
        handle.get_result()


def test_the_timer_wins_when_nothing_comes():
    handle = workflows.races.start(seconds=10)
    with virtual_time() as time:
        run_until_idle()
        time.advance(seconds=11)
        run_until_idle()
        durable.send(handle, "late", "a")
        time.advance(seconds=2)
        run_until_idle()

    assert handle.get_result() == [2, None]


def test_async_workflows_race_too():
    late, early = workflows.araces.start(), workflows.araces.start()
    durable.send(early, "x", "b")

    with virtual_time() as time:
        run_until_idle()
        time.advance(seconds=11)
        run_until_idle()

    assert early.get_result() == [1, "x"]
    assert late.get_result() == ["timer", None]


def test_without_a_timer_it_waits_as_long_as_it_takes():
    handle = workflows.races.start(seconds=None)

    with virtual_time() as time:
        run_until_idle()
        time.advance(days=1000)
        run_until_idle()
        assert handle.get_status() == "WAITING"
        durable.send(handle, 1, "b")
        run_until_idle()
        time.advance(seconds=2)
        run_until_idle()

    assert handle.get_result() == [1, 1]


def test_an_event_that_cannot_come_any_more_does_not_keep_the_others_from_winning():
    workflows.receiver.using(workflow_id="r").start(timeout=0, default="d")
    handle = workflows.races_events.start("r", "never", seconds=10)

    with virtual_time() as time:
        run_until_idle()
        assert handle.get_status() == "WAITING"
        time.advance(seconds=11)
        run_until_idle()

    assert handle.get_result() == [1, None]


def test_a_race_that_nobody_can_win_times_out():
    workflows.receiver.using(workflow_id="r").start(timeout=0, default="d")
    handle = workflows.races_events.start("r", "never", "neither")

    run_until_idle()

    with pytest.raises(durable.WaitTimeout, match="cannot come"):
        handle.get_result()
