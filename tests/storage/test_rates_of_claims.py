"""How many workflows of a queue with a rate start, and when."""

import datetime as dt

import pytest

import django_durable as durable
from django_durable import clock
from django_durable.models import QueueStart, Workflow
from django_durable.testing import run_until_idle, virtual_time
from tests.storage.limited import (
    MINUTE,
    Status,
    claim,
    end,
    held_back,
    ids,
    start,
    start_many,
)

pytestmark = pytest.mark.django_db


@durable.workflow
def nap():
    durable.sleep(30)
    return "awake"


def test_so_many_start_in_a_window_that_slides():
    with virtual_time() as time:
        durable.limit_queue("reports", rate=3, period=MINUTE)
        start_many("abcdefgh")
        taken = [ids(claim(limit=2))]
        for seconds in (20, 20, 19, 1, 19, 1):
            time.advance(seconds)
            taken.append(ids(claim()))

    # Two at 0 s, the third at 20 s: the next two at 60 s, one at 80 s.
    assert taken == ["ab", "c", "", "", "de", "", "f"]


def test_what_was_written_down_of_a_window_is_forgotten_with_it():
    with virtual_time() as time:
        durable.limit_queue("reports", rate=1, period=1)
        for pk in "abcdef":
            start(pk)
            assert ids(claim()) == pk
            time.advance(15)  # The period, and ten seconds for claims that are late.

    assert QueueStart.objects.count() <= 2


def test_a_claim_that_was_held_up_counts_what_counted_at_its_moment():
    with virtual_time() as time:
        durable.limit_queue("reports", rate=2, period=MINUTE)
        start_many("abcdef")
        begin = clock.now()
        taken = [ids(claim())]
        time.advance(100)
        taken.append(ids(claim(limit=1)))

        late = [claim(now=begin + seconds * MINUTE / 60) for seconds in (45, 59, 61)]

    assert taken == ["ab", "c"]
    assert [ids(taking) for taking in late] == ["", "", "d"]


def test_a_claim_that_was_held_up_for_very_long_starts_nothing():
    with virtual_time() as time:
        durable.limit_queue("reports", rate=3, period=1)
        start_many("abcdefgh")
        begin = clock.now()
        claim()
        time.advance(15)
        taken = [ids(claim(limit=1)), ids(claim(now=begin)), ids(claim())]

    assert taken == ["d", "", "ef"]


def test_a_clock_that_was_a_day_ahead_does_not_close_the_queue_for_a_day():
    with virtual_time() as time:
        durable.limit_queue("reports", rate=2, period=MINUTE)
        start_many("abcdef")
        taken = [ids(claim(now=clock.now() + 24 * 60 * MINUTE)), ids(claim())]
        time.advance(30)
        taken.append(ids(claim()))
        time.advance(30)
        taken.append(ids(claim()))

    assert taken == ["ab", "cd", "", "ef"]


def test_starts_that_are_noted_out_of_order_count_as_long_as_the_last_of_them():
    moment = clock.now().replace(microsecond=0)
    durable.limit_queue("reports", rate=2, period=1000)
    start_many("abc", run_after=moment - MINUTE)
    later = moment + dt.timedelta(seconds=1)

    taken = [ids(claim(1, now=later)), ids(claim(1, now=moment))]

    begun = dict(Workflow.objects.values_list("pk", "started_at"))
    assert (taken, begun["a"], begun["b"]) == (["a", "b"], later, moment)
    assert sorted(QueueStart.objects.values_list("started_at", "number")) in (
        [(later, 2)],
        [(moment, 1), (later, 1)],  # A new slice has begun between the two.
    )


def test_a_rate_counts_first_starts_only():
    with virtual_time() as time:
        durable.limit_queue("reports", rate=1, period=10 * MINUTE)
        handle = nap.using(queue_name="reports").start()
        run_until_idle()
        time.advance(31)
        start("later")
        executed = run_until_idle()

    assert (handle.get_result(), executed) == ("awake", 1)
    assert Workflow.objects.get(pk="later").claim == 0


def test_what_has_started_does_not_overtake_what_its_rate_holds_back():
    with virtual_time():
        durable.limit_queue("reports", rate=1, period=MINUTE)
        start("a")
        claim()
        start("b", priority=5)
        end("a", Status.ENQUEUED)
        behind = ids(claim())
        Workflow.objects.filter(pk="a").update(priority=6)

        assert (behind, ids(claim())) == ("", "a")


def test_a_claim_says_when_the_rate_lets_the_next_one_start():
    with virtual_time() as time:
        durable.limit_queue("reports", rate=2, period=MINUTE)
        start_many("abc")
        first = clock.now()
        claim(limit=1)
        time.advance(10)
        taken, empty = claim(), claim()

    assert ids(taken) == "b"
    for held in (held_back(taken), held_back(empty)):
        assert (held.queue_name, held.is_full) == ("reports", False)
        assert held.free_at == first + MINUTE


def test_a_window_outlives_a_change_of_its_rate():
    with virtual_time():
        durable.limit_queue("reports", rate=2, period=MINUTE)
        start_many("abcdefgh")
        taken = [ids(claim())]
        durable.limit_queue("reports", rate=5, period=MINUTE)
        taken.append(ids(claim()))
        durable.limit_queue("reports", rate=1, period=1)

        assert taken == ["ab", "cde"]
        assert ids(claim()) == ""


def test_what_has_started_goes_on_although_its_rate_was_lowered_below_that():
    durable.limit_queue("reports", rate=3, period=MINUTE)
    start_many("abcd")
    claim()
    durable.limit_queue("reports", rate=1, period=MINUTE)
    for pk in "abc":
        end(pk, Status.ENQUEUED)

    assert ids(claim()) == "abc"


def test_time_that_runs_in_a_test_stops_where_a_rate_lets_the_next_one_start():
    with virtual_time() as time:
        durable.limit_queue("reports", rate=1, period=MINUTE)
        begin = clock.now()
        start_many("abcd")

        executed = time.run_for(minutes=2)

    begun = sorted(
        Workflow.objects.exclude(pk="d").values_list("started_at", flat=True)
    )
    assert (executed, begun) == (3, [begin + n * MINUTE for n in range(3)])
