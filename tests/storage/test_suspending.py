"""Suspending writes what is waited for, and that it waits, in one commit."""

from datetime import UTC, datetime, timedelta

import pytest

from django_durable.models import Wait, Workflow
from django_durable.models.targets import (
    TIMER,
    event_target,
    message_target,
    stream_target,
)
from django_durable.models.wait import WaitRow
from tests import workflows

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MESSAGE, EVENT = message_target("w", "topic"), event_target("other", "key")
ASKED = message_target("w", "topic", is_human=True, schema="shop.forms.Answer")
STREAM = stream_target("other", "key", 2)


@pytest.fixture(autouse=True)
def held():
    """A workflow that somebody executes under claim 1."""
    workflows.total.using(workflow_id="w").start(1)
    changed = Workflow.objects.update(status="PENDING", claim=1, stalls=1)
    assert changed == 1


def row():
    return Workflow.objects.get()


def waits():
    return set(Wait.objects.values_list("branch", "step_id", "target", "wake_at"))


def suspend(*rows, claim=1, wake_at=None):
    return Wait.objects.suspend("w", claim, rows, wake_at=wake_at)


def test_what_it_waits_for_and_until_when_is_written():
    due = NOW + timedelta(hours=1)

    assert suspend(WaitRow("", 1, MESSAGE, due), WaitRow("1", 2, EVENT), wake_at=due)

    found = row()
    assert (found.status, found.wake_at, found.worker_id) == ("WAITING", due, None)
    assert found.stalls == 0
    assert waits() == {("", 1, MESSAGE.name, due), ("1", 2, EVENT.name, None)}


def test_first_deadlines_stay_and_what_is_over_goes():
    first, later = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
    Wait.objects.keep("w", [WaitRow("", 1, TIMER, first), WaitRow("", 2, TIMER, first)])

    assert suspend(WaitRow("", 2, TIMER, later), WaitRow("", 3, MESSAGE))

    assert waits() == {("", 2, "timer", first), ("", 3, MESSAGE.name, None)}


def test_the_same_thing_may_be_waited_for_twice():
    assert suspend(WaitRow("", 1, MESSAGE), WaitRow("", 1, MESSAGE))

    assert waits() == {("", 1, MESSAGE.name, None)}


def test_nothing_at_all_may_be_waited_for():
    Wait.objects.keep("w", [WaitRow("", 1, MESSAGE)])

    assert suspend()

    assert (row().status, waits()) == ("WAITING", set())


def test_a_suspension_whose_answer_was_lost_counts_as_written():
    wait = WaitRow("", 1, MESSAGE, NOW)
    assert suspend(wait)

    assert suspend(wait)

    assert waits() == {("", 1, MESSAGE.name, NOW)}


@pytest.mark.parametrize("target", [ASKED, EVENT, STREAM, TIMER])
def test_a_wait_is_written_as_while_it_is_hot(target):
    wait = WaitRow("1", 2, target, NOW)
    Wait.objects.keep("w", [wait])
    hot = Wait.objects.values().get()
    Wait.objects.all().delete()

    suspend(wait)

    assert Wait.objects.values().get() == hot


@pytest.mark.parametrize(
    ("status", "claim"),
    [("PENDING", 2), ("ENQUEUED", 1), ("CANCELLED", 1), ("WAITING", 2)],
)
def test_what_is_not_held_any_more_is_not_suspended(status, claim):
    Workflow.objects.update(status=status, claim=claim)

    assert not suspend(WaitRow("", 1, MESSAGE))

    assert (row().status, row().stalls, waits()) == (status, 1, set())
