"""Hints on PostgreSQL: by the commit itself, or after it where many commit."""

import json

import pytest
from django.db import connection, connections, transaction

import django_durable as durable
from django_durable import signals
from django_durable.models import hints
from django_durable.models.connection import private_connection
from tests import workflows
from tests.counting import always_ride

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        connection.vendor != "postgresql",
        reason="Only PostgreSQL carries hints between processes.",
    ),
]


@pytest.fixture
def heard(monkeypatch):
    """A function that returns the hints since its last call."""
    always_ride(monkeypatch)
    listener = private_connection("default")
    listener.ensure_connection()
    listener.connection.execute(f"LISTEN {hints.CHANNEL}")
    # What an earlier test has rolled back would be told with the next news.
    connections["default"].__dict__.pop(signals._KEPT, None)

    def hear():
        listener.connection.execute("SELECT 1")
        found = listener.connection.notifies(timeout=0.5, stop_after=1)
        return [json.loads(hint.payload) for hint in found]

    yield hear
    listener.close()


@pytest.fixture
def handle(heard):
    found = workflows.total.using(workflow_id="w").start(1)
    assert heard() == [["queue"]]
    return found


@pytest.fixture
def statements():
    """The statements of this connection that notify, and the others."""
    seen = []

    def note(execute, sql, params, many, context):
        seen.append("notifies" if "pg_notify" in sql else "does not")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield seen


def test_a_lone_send_hints_by_its_own_commit(handle, heard, statements):
    durable.send(handle, "hello", "news")

    assert heard() == [["message:w:news"]]
    assert statements == ["notifies", "does not"]  # The second looks who waits.


def test_a_hint_goes_by_itself_once_one_had_to_wait(
    handle, heard, statements, monkeypatch
):
    monkeypatch.setattr(hints, "CROWDED_SECONDS", -1)
    durable.send(handle, "slow")
    assert heard() == [["message:w:"]]
    statements.clear()

    durable.send(handle, "next")

    assert heard() == [["message:w:"]]
    assert statements == ["does not", "notifies"]


def test_a_hint_rides_again_after_a_while(handle, heard, statements, monkeypatch):
    monkeypatch.setattr(hints, "CROWDED_SECONDS", -1)
    monkeypatch.setattr(hints, "APART_SECONDS", 0)
    durable.send(handle, "slow")
    statements.clear()

    durable.send(handle, "next")

    assert statements == ["notifies", "does not"]


def test_a_transaction_hints_once_after_its_commit(handle, heard, statements):
    with transaction.atomic():
        durable.send(handle, 1, "news")
        durable.send(handle, 2, "news")
        during = list(statements)

    assert heard() == [["message:w:news"]]
    assert "notifies" not in during


def test_what_is_rolled_back_hints_at_nothing(handle, heard):
    with transaction.atomic():
        durable.send(handle, "never")
        transaction.set_rollback(True)

    assert heard() == []


def test_what_takes_too_long_to_name_says_look_at_everything():
    channel, payload = hints.hint_of(["x" * hints.LONGEST_PAYLOAD])

    assert (channel, payload) == ("django_durable", hints.EVERYTHING)


def test_the_resumption_of_a_queue_hints_by_its_own_commit(heard, statements):
    assert durable.pause_queue("reports")
    assert durable.resume_queue("reports")

    assert heard() == [["queue"]]
    assert statements == ["does not", "notifies"]
