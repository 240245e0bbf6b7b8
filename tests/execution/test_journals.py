"""What earlier executions have left is read once, and together for several."""

from datetime import timedelta

import pytest
from django.db import OperationalError

import django_durable as durable
from django_durable import clock
from django_durable.execution.journal import Journal, Journals
from django_durable.models import Attempt, Workflow, history
from django_durable.testing import run_until_idle

pytestmark = pytest.mark.django_db


@durable.step
def note(text):
    return text


@durable.workflow
def waits(text):
    note(text)
    durable.sleep(3600)
    return note(text)


@pytest.fixture
def ids():
    """Workflows that have taken a step, failed at another one, and sleep."""
    found = [waits.start(text).workflow_id for text in ("a", "b", "c")]
    run_until_idle()
    now = clock.now()
    Attempt.objects.bulk_create(
        Attempt(
            workflow_id=pk,
            branch="1",
            step_id=1,
            attempt=attempt,
            error="json:{}",
            failed_at=now,
            next_at=now + timedelta(seconds=attempt),
        )
        for pk in found
        for attempt in (2, 1)
    )
    return found


def test_a_journal_holds_steps_tries_in_order_and_first_deadlines(ids):
    journal = Journal.load("default", ids[1])

    assert [(*place, row.output) for place, row in journal.steps.items()] == [
        ("", 1, 'json:"b"')
    ]
    ((place, moments),) = journal.retries.items()
    assert (place, moments) == (("1", 1), sorted(moments))
    assert len(moments) == 2
    ((place, target),) = journal.deadlines
    woken_at = Workflow.objects.get(pk=ids[1]).wake_at
    assert (place, target, journal.deadlines[place, target]) == (
        ("", 2),
        "timer",
        woken_at,
    )
    assert journal.has_waits


def test_journals_that_are_read_together_are_those_that_are_read_alone(ids):
    journals = Journals("default", ids)

    assert [journals.take(pk) for pk in reversed(ids)] == [
        Journal.load("default", pk) for pk in reversed(ids)
    ]


def test_another_try_finds_the_journal_again(ids):
    journals = Journals("default", ids)

    assert journals.take(ids[0]) == journals.take(ids[0])


def test_a_read_that_fails_takes_nothing_along(ids, monkeypatch):
    journals = Journals("default", ids)

    def lose(using, ids):
        raise OperationalError("server closed the connection unexpectedly")

    with monkeypatch.context() as patch:
        patch.setattr(history, "read", lose)
        with pytest.raises(OperationalError):
            journals.take(ids[0])

    assert journals.take(ids[0]).steps
