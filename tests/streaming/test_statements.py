"""What all watchers ask together: one statement, along the keys."""

import pytest
from django.db import connection

from django_durable.models.watching import Wanted, _statement, earliest_offset, see
from tests.streaming.scribe import Scribe

pytestmark = pytest.mark.django_db


def plan_of(wanted):
    """Return the lines of the plan, as if the tables were large."""
    statement, params = _statement(connection, wanted, 256, 65536)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", params)
        else:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
            cursor.execute(f"EXPLAIN {statement}", params)
        return [str(row[-1]) for row in cursor.fetchall()]


@pytest.mark.parametrize("count", [1, 64])
def test_entries_are_found_by_their_key(count):
    lines = plan_of([Wanted(f"w{number}", "out", 5) for number in range(count)])

    plan = "\n".join(lines)
    if connection.vendor == "sqlite":
        assert "(workflow_id=? AND key=? AND offset>? AND offset<?)" in plan
        assert not {"SCAN w", "SCAN s", "SCAN e"} & set(lines)
    else:
        assert "using django_durable_streamentry_pkey" in plan
        assert '("offset" >= v.first)' in plan
        assert "Seq Scan" not in plan


def test_streams_are_seen_in_the_order_in_which_they_are_asked_for():
    one, other = Scribe(), Scribe()
    one.write("out", *"abcd")
    other.write("out", "e")
    other.close("out")
    other.end()

    found = see(
        connection,
        [
            Wanted(other.workflow_id, "out", 0),
            Wanted("nobody", "out", 0),
            Wanted(one.workflow_id, "out", 1),
            Wanted(one.workflow_id, "never", 0),
            Wanted(one.workflow_id, "out", 2**63 - 1),
        ],
        limit=2,
        largest=1000,
    )

    assert [[e.offset for e in seen.entries] for seen in found] == [
        [0],
        [],
        [1, 2],
        [],
        [],
    ]
    assert [seen.status for seen in found] == [
        "SUCCESS",
        None,
        "PENDING",
        "PENDING",
        "PENDING",
    ]
    assert [seen.next_offset for seen in found] == [1, 0, 4, 0, 4]
    assert [seen.is_closed for seen in found] == [True, False, False, False, False]
    assert [seen.is_over for seen in found] == [True, True, False, False, False]


def test_a_large_value_is_not_fetched():
    scribe = Scribe()
    scribe.write("out", "x" * 5000, "small")

    (seen,) = see(
        connection, [Wanted(scribe.workflow_id, "out", 0)], limit=9, largest=1000
    )

    large, small = seen.entries
    assert (large.value, small.value) == (None, 'json:"small"')
    assert large.size == len('json:""') + 5000
    assert large.written_at.tzinfo is not None


def test_the_first_entry_that_is_kept_is_known():
    scribe = Scribe()
    scribe.write("out", *"abc")
    scribe.forget("out", before=2)

    assert earliest_offset(connection, scribe.workflow_id, "out") == 2
    assert earliest_offset(connection, scribe.workflow_id, "never") is None
