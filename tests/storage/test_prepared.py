"""Hot statements are prepared where that is safe; their arrays are plain texts."""

from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.db import OperationalError, connection, connections

from django_durable.models import faults, prepared, sql
from django_durable.models.connection import private_connection

needs_server = pytest.mark.skipif(
    not connections["default"].features.has_select_for_update_skip_locked,
    reason="This database is a file: nothing is prepared on a server.",
)
pytestmark = pytest.mark.django_db

COUNT = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s"
HOT = "SELECT 'hot', %s::int"


@pytest.fixture
def fresh():
    """Return a new connection to the same database."""
    made = private_connection("default")
    yield made
    made.close()


def prepared_on(connection):
    return sql.fetch(connection, COUNT, ["SELECT 'hot'%"])[0][0]


@needs_server
def test_a_hot_statement_is_prepared_once_per_connection(fresh):
    found = [sql.fetch_hot(fresh, HOT, [n]) for n in (1, 2)]

    assert found == [[("hot", 1)], [("hot", 2)]]
    assert prepared_on(fresh) == 1


NOW = datetime.now(UTC)
ODD_TEXTS = [
    "",
    "NULL",
    "null",
    "{}",
    "a,b",
    ' "a" ',
    "\\",
    '\\"',
    "it's",
    "%s",
    "é\n\t",
]
ARRAYS = {
    "text": [*ODD_TEXTS, None],
    "bigint": [0, -1, 2**62, None],
    "bool": [True, False, None],
    "uuid": [uuid4(), None],
    "timestamptz": [NOW, NOW.replace(microsecond=0), None],
}


@needs_server
@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("fetch", [sql.fetch, sql.fetch_hot])
def test_an_array_arrives_as_it_was_given(kind, fetch):
    ((found, empty),) = fetch(
        connection,
        f"SELECT %s::{kind}[], %s::{kind}[]",
        [sql.array(ARRAYS[kind]), sql.array([])],
    )

    assert (found, empty) == (ARRAYS[kind], [])


@needs_server
def test_nothing_is_prepared_behind_a_pooler(fresh, monkeypatch):
    # A pooler answers for whichever server process it has taken.
    answer = SimpleNamespace(fetchone=lambda: (0,))
    pooled = SimpleNamespace(execute=lambda sql: answer)
    fresh.ensure_connection()
    with monkeypatch.context() as patch:
        patch.setattr(prepared, "_cursor_class", lambda: lambda raw: pooled)
        assert not prepared.is_possible(fresh)

    assert sql.fetch_hot(fresh, HOT, [1]) == [("hot", 1)]
    assert prepared_on(fresh) == 0


@needs_server
def test_other_statements_of_the_connection_stay_unprepared(fresh):
    sql.fetch_hot(fresh, HOT, [1])

    sql.fetch(fresh, "SELECT 'hot but plain'")

    assert prepared_on(fresh) == 1
    assert fresh.connection.prepare_threshold is None


@needs_server
def test_a_connection_that_is_lost_while_preparing_counts_as_lost(fresh):
    fresh.ensure_connection()
    pid = fresh.connection.info.backend_pid
    sql.fetch(connection, "SELECT pg_terminate_backend(%s, 5000)", [pid])

    with pytest.raises(OperationalError) as caught:
        sql.fetch_hot(fresh, HOT, [1])

    assert faults.classify(caught.value) is faults.Fault.CONNECTION


def test_a_hot_statement_needs_no_server():
    assert sql.fetch_hot(connection, "SELECT 1 + %s", [1]) == [(2,)]
