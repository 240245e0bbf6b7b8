"""A session of PostgreSQL that is used again is like a new one."""

import pytest
from django.db import connection, connections

from django_durable.models import Workflow, prepared, sql
from tests.interleaving import elsewhere

pytestmark = pytest.mark.django_db(transaction=True)

WHO = "SELECT pg_backend_pid()"
SAY = [
    "SET lock_timeout = 300",
    "LISTEN something",
    "CREATE TEMPORARY TABLE notes (id int)",
    "SELECT pg_advisory_lock(42)",
]
ASK = [
    "SHOW lock_timeout",
    "SELECT count(*) FROM pg_listening_channels()",
    "SELECT count(*) FROM pg_class WHERE relname = 'notes'",
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'",
    "SELECT count(*) FROM pg_prepared_statements",
]
FORGOTTEN = ["0", 0, 0, 0, 0]


@pytest.fixture(autouse=True)
def _postgresql():
    if connection.vendor != "postgresql":
        pytest.skip("This database has no sessions to keep.")
    connection.close()  # It may be older than what keeps sessions.


def asked(statement):
    return sql.fetch(connection, statement)[0][0]


def prepare():
    """Have a statement prepared, on both sides."""
    assert prepared.is_possible(connection)
    table = sql.table(Workflow)
    assert (
        sql.fetch_hot(connection, f"SELECT 1 FROM {table} WHERE id = %s", ["x"]) == []
    )


def test_who_connects_gets_a_session_that_was_left_and_has_forgotten_all():
    before = asked(WHO)
    prepare()
    for statement in SAY:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    assert [asked(question) for question in ASK] != FORGOTTEN

    connection.close()

    assert asked(WHO) == before
    assert [asked(question) for question in ASK] == FORGOTTEN
    prepare()


def test_a_connection_with_other_options_has_a_session_of_its_own():
    before = asked(WHO)
    connection.close()
    like = connections["default"].copy()
    options = {**like.settings_dict["OPTIONS"], "application_name": "other"}
    like.settings_dict = {**like.settings_dict, "OPTIONS": options}

    with like.cursor() as cursor:
        cursor.execute(WHO)
        assert cursor.fetchone()[0] != before
    like.close()

    assert asked(WHO) == before


def test_nobody_gets_a_session_within_a_transaction_or_one_that_was_ended():
    before = asked(WHO)
    connection.connection.autocommit = False
    connection.connection.execute("SELECT 1")
    connection.close()
    second = asked(WHO)
    assert second != before

    connection.close()
    elsewhere_pid = elsewhere(lambda: asked(WHO))
    assert elsewhere_pid == second
    like = connections["default"].copy()
    with like.cursor() as cursor:
        cursor.execute(WHO)
        assert cursor.fetchone()[0] == second
        third = asked(WHO)
        assert third != second
    like.close()
    sql.fetch(connection, "SELECT pg_terminate_backend(%s, 5000)", [second])

    assert elsewhere(lambda: asked(WHO)) not in (second, third)
