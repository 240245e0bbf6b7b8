"""What claims take of queues with limits."""

import pytest
from django.db import connection

import django_durable as durable
from django_durable import clock
from django_durable.models import Queue, QueueStart, Workflow
from django_durable.testing import run_until_idle, virtual_time
from tests import workflows
from tests.storage.limited import (
    MINUTE,
    PAIRS,
    WORKER,
    Status,
    claim,
    end,
    held_back,
    ids,
    start,
    start_many,
)

pytestmark = pytest.mark.django_db


@durable.workflow(queue_name="few")
def child():
    return "child"


@durable.workflow(queue_name="few")
def parent():
    started = child.start().get_result()
    return [started, child(), *durable.gather(child.bind(), child.bind())]


@durable.workflow(queue_name="few")
async def aparent():
    return [(await (await child.astart()).aget_result())]


def test_no_more_of_a_queue_are_taken_than_may_be_executed_at_once():
    start_many("abcde")
    durable.limit_queue("reports", concurrency=2)

    taken = [ids(claim(limit=1)), ids(claim()), ids(claim())]
    end("a")
    taken.append(ids(claim()))
    end("b", Status.WAITING)
    end("c", Status.ENQUEUED)
    taken.append(ids(claim()))

    assert taken == ["a", "b", "", "c", "cd"]


def test_other_queues_are_served_in_the_order_of_all():
    start_many("abc", "reports", priority=1)
    start_many("de", "default")
    start("f", "mail", priority=2)
    durable.limit_queue("reports", concurrency=2)
    durable.limit_queue("mail", concurrency=3)

    assert ids(claim(limit=4)) == "fabd"
    assert ids(claim(queues=["default", "reports"])) == "e"


def test_what_runs_when_a_limit_is_lowered_counts_and_goes_on():
    start_many("abcde")
    durable.limit_queue("reports", concurrency=3)
    claim()
    durable.limit_queue("reports", concurrency=1)

    taken = [ids(claim())]
    for pk in "abc":
        end(pk)
        taken.append(ids(claim()))

    assert taken == ["", "", "", "d"]


def test_a_limit_of_nothing_holds_the_queue_until_it_is_lifted():
    start_many("ab")
    durable.limit_queue("reports", concurrency=0)

    held = claim()
    durable.limit_queue("reports")

    assert (ids(held), held_back(held).is_full) == ("", True)
    assert ids(claim()) == "ab"


def test_both_limits_hold_at_once():
    with virtual_time() as time:
        durable.limit_queue("reports", concurrency=2, rate=3, period=MINUTE)
        start_many("abcdefg")
        taken = [ids(claim())]
        end("a"), end("b")
        taken.append(ids(claim()))
        end("c")
        time.advance(60)
        taken.append(ids(claim()))

    assert taken == ["ab", "c", "de"]


def test_a_suspect_is_taken_within_the_limits_only():
    start_many("ab")
    durable.limit_queue("reports", concurrency=1)
    claim(limit=1)
    Workflow.objects.filter(pk="b").update(stalls=2)

    def found():
        first = Workflow.objects.first_suspect(PAIRS, None)
        taken = Workflow.objects.claim_suspect(WORKER, "b", PAIRS)
        return first, [(row.id, row.is_limited) for row in taken]

    full = found()
    end("a")

    assert full == (None, [])
    assert found() == ("b", [("b", True)])
    assert found() == (None, [])


def test_whoever_waits_for_its_own_queue_holds_no_place_there():
    durable.limit_queue("few", concurrency=1)
    handles = [parent.start(), aparent.start()]

    run_until_idle()

    assert handles[0].get_result() == ["child"] * 4
    assert handles[1].get_result() == ["child"]


def test_a_direct_call_waits_for_no_limit_and_takes_up_no_place():
    durable.limit_queue("default", concurrency=1, rate=1, period=MINUTE)
    seen = []

    @durable.workflow
    def look():
        seen.extend(Queue.objects.usage())
        return workflows.total(1, 2), ids(claim())

    start("a", "default")

    assert look() == (3, "a")
    assert [(usage.running, usage.started) for usage in seen] == [(0, 0)]
    assert Workflow.objects.filter(status=Status.PENDING).get().pk == "a"


@durable.workflow
def hear():
    return durable.recv("news")


@durable.workflow
def call():
    return hear()


def test_a_child_that_is_called_and_waits_goes_on_while_the_clock_stands_still():
    with virtual_time():
        handle = call.start()
        run_until_idle()
        called = Workflow.objects.get(parent=handle.workflow_id)
        durable.send(called.pk, "it rains", "news")
        run_until_idle()

    assert handle.get_result() == "it rains"


def test_limits_that_are_stated_again_lock_nothing(django_assert_num_queries):
    durable.limit_queue("reports", concurrency=2)

    with django_assert_num_queries(1) as asked:
        assert not durable.limit_queue("reports", concurrency=2)

    assert asked[0]["sql"].startswith("SELECT")


def test_a_queue_that_is_named_twice_is_counted_once():
    durable.limit_queue("reports", rate=3, period=MINUTE)
    start_many("abcd")

    assert ids(claim(queues=["reports", "reports"])) == "abc"
    assert sum(QueueStart.objects.values_list("number", flat=True)) == 3


def test_the_usage_of_a_queue_tells_what_is_held_back():
    with virtual_time() as time:
        durable.limit_queue("reports", concurrency=2, rate=3, period=MINUTE)
        durable.limit_queue("mail", rate=3, period=MINUTE)
        start_many("abcd")
        start_many("efgh", "mail")
        begin = clock.now()
        claim()
        time.advance(1)
        found = {usage.queue_name: usage for usage in Queue.objects.usage()}
        reports, mail = found["reports"], found["mail"]

        assert (reports.running, reports.started, reports.places) == (2, 2, 0)
        assert (reports.holds_all, reports.holds_new) == (True, True)
        assert (mail.running, mail.started, mail.places) == (3, 3, None)
        assert (mail.holds_all, mail.holds_new) == (False, True)
        assert mail.free_at(clock.now()) == begin + MINUTE


def test_a_claim_asks_no_more_often_where_nothing_is_limited_or_it_expects_limits():
    start_many("abc")
    asked = []

    def note(execute, text, params, many, context):
        if "SAVEPOINT" not in text:
            asked.append(text)
        return execute(text, params, many, context)

    def count(**options):
        asked.clear()
        claim(1, **options)
        return len(asked)

    with connection.execute_wrapper(note):
        plain = count()
        durable.limit_queue("reports", concurrency=2)
        within = [count(), count(expects_limits=True), count(expects_limits=True)]

    if connection.vendor == "postgresql":
        assert (plain, within) == (1, [2, 1, 1])
    else:
        # A look, the queues, a head, the change, the taken. With limits all but the
        # last two are done before the transaction too, and each time their usage is
        # asked for by two; where a queue is full, nothing more is.
        assert (plain, within) == (5, [11, 4, 4])
