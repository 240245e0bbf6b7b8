"""What all watchers ask together: one statement, along the keys."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import django_durable as durable
from django_durable import clock
from django_durable.models import news
from django_durable.models.news import Cursor, see_news
from django_durable.models.watching import Wanted, _statement, earliest_offset, see
from django_durable.streaming import feeds
from django_durable.streaming.permissions import Answer, Visitor, admit
from tests.people import session_of, user_with
from tests.streaming.scribe import Scribe

pytestmark = pytest.mark.django_db


def plan_of(statement, params):
    """Return the lines of the plan, as if the tables were large."""
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
    wanted = [Wanted(f"w{number}", "out", 5) for number in range(count)]
    lines = plan_of(*_statement(connection, wanted, 256, 65536))

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
    scribe.write("out", "☃" * 400, "small")

    (seen,) = see(
        connection, [Wanted(scribe.workflow_id, "out", 0)], limit=9, largest=1000
    )

    large, small = seen.entries
    assert (large.value, small.value) == (None, 'json:"small"')
    # Bytes, not characters, count.
    assert large.size == len('json:""') + 3 * 400
    assert large.written_at.tzinfo is not None


def test_a_large_event_is_not_fetched():
    scribe = Scribe()
    scribe.set_event("report", "☃" * 400)

    (seen,) = see_news(
        connection, [Cursor(scribe.workflow_id, None)], limit=9, largest=1000
    )

    (event,) = seen.events
    assert (event.value, event.size) == (None, len('json:""') + 3 * 400)


def test_the_first_entry_that_is_kept_is_known():
    scribe = Scribe()
    scribe.write("out", *"abc")
    scribe.forget("out", before=2)

    assert earliest_offset(connection, scribe.workflow_id, "out") == 2
    assert earliest_offset(connection, scribe.workflow_id, "never") is None


def test_news_of_many_workflows_take_one_statement():
    """Whatever some know already, and others do not."""
    new, old, busy = Scribe(), Scribe(), Scribe()
    for scribe in (new, old, busy):
        scribe.step("before")
        scribe.set_event("progress", "before")
    since = clock.now()
    for scribe in (old, busy):
        scribe.write("out", "told elsewhere")
        scribe.step("after", failed=True)
        scribe.set_event("progress", "after")
        scribe.set_event("large", "x" * feeds.LARGEST_VALUE)
    cursors = [
        Cursor(busy.workflow_id, since),
        Cursor(new.workflow_id, None),
        Cursor("nobody", None),
        Cursor(old.workflow_id, None),
    ]

    with CaptureQueriesContext(connection) as asked:
        found = feeds.look(cursors)

    assert len(asked) == 1
    told = [[_summary(each.content) for each in seen.told] for seen in found]
    before = [("step", "before", False), ("event", "progress", '"before"')]
    after = [("step", "after", True), ("event", "progress", '"after"')]
    large = ("event", "large", None)
    assert told == [
        [*after, large],
        before,
        [],
        [before[0], *after, large],
    ]
    assert [seen.status for seen in found] == ["PENDING", "PENDING", None, "PENDING"]


def _summary(content):
    if content["t"] == "step":
        return "step", content["name"], content["failed"]
    return "event", content["key"], content.get("v")


def test_no_more_than_the_latest_steps_are_read():
    scribe = Scribe()
    for number in range(5):
        scribe.step(f"step {number}")

    (seen,) = see_news(
        connection, [Cursor(scribe.workflow_id, None)], limit=2, largest=1000
    )

    assert [step.name for step in seen.steps] == ["step 3", "step 4"]


@pytest.mark.parametrize("is_later", [False, True])
@pytest.mark.parametrize("count", [1, 64])
def test_news_are_found_by_their_workflow(count, is_later):
    since = clock.now() if is_later else None
    cursors = [Cursor(f"w{number}", since) for number in range(count)]
    parts = list(news._parts(connection, cursors, 100, 65536))

    for statement, params in parts:
        plan = "\n".join(plan_of(statement, params))
        if connection.vendor == "sqlite":
            assert "SCAN django_durable" not in plan
        else:
            assert "Seq Scan" not in plan


def by_token(scribe):
    return Visitor(None, durable.stream_token(scribe.workflow_id, "out"))


def by_token_of_a_user(scribe):
    user = user_with()
    return Visitor(None, durable.stream_token(scribe.workflow_id, "out", user=user))


def by_session(scribe):
    return Visitor(session_of(user_with()))


def by_both(scribe):
    user = user_with()
    token = durable.stream_token(scribe.workflow_id, "out", user=user)
    return Visitor(session_of(user), token)


@pytest.mark.parametrize(
    "visitor_of", [by_token, by_token_of_a_user, by_session, by_both]
)
def test_all_who_are_refused_cost_the_same_statements(visitor_of):
    """Whether it exists and is another's, has never been, or is there no more."""
    mine, others = Scribe(), Scribe()
    visitor = visitor_of(mine)
    mine.delete()

    asked = []
    for workflow_id in (others.workflow_id, "unknown", mine.workflow_id):
        with CaptureQueriesContext(connection) as captured:
            decision = admit(visitor, workflow_id, "out")
        assert decision.answer == Answer.NO
        asked.append([_shape(query["sql"]) for query in captured])

    assert asked[0] == asked[1] == asked[2]
    assert "django_durable_workflow" in asked[0][-1]


def _shape(statement):
    """Return a statement without what it asks for."""
    return statement.partition(" WHERE ")[0]


@pytest.mark.once
@pytest.mark.parametrize("is_known", [False, True])
def test_the_permission_opens_no_stream_with_something_to_hide(settings, is_known):
    scribe = Scribe()
    staff = Visitor(session_of(user_with("view_stream")))

    def answer(visitor, key="out"):
        return admit(visitor, scribe.workflow_id, key, is_known).answer

    assert answer(staff) == Answer.YES
    authorizer = "tests.streaming.authorizer.may_watch"
    settings.DURABLE = {"REDACT": ["card"], "STREAM_AUTHORIZER": authorizer}

    assert answer(staff) == Answer.NO
    assert answer(staff, "public") == Answer.YES
    assert answer(by_token(scribe)) == Answer.YES


def test_who_is_let_in_where_others_watch_asks_for_nothing_more():
    scribe = Scribe()
    visitor = by_token(scribe)

    with CaptureQueriesContext(connection) as captured:
        decision = admit(visitor, scribe.workflow_id, "out", True)

    assert (decision.answer, len(captured)) == (Answer.YES, 0)
