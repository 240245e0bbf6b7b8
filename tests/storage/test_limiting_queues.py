"""Limits of queues: what they may be, and what of a queue is kept."""

import datetime as dt
import math

import pytest
from django.db import connection

import django_durable as durable
from django_durable.limits import Limits
from django_durable.models import Queue

pytestmark = pytest.mark.django_db


def limits_of(name):
    return Queue.objects.get(pk=name).limits


def test_a_call_states_all_limits_of_a_queue_and_tells_whether_they_are_new():
    minute = dt.timedelta(minutes=1)

    took = [
        durable.limit_queue("reports", concurrency=2),
        durable.limit_queue("reports", concurrency=2),
        durable.limit_queue("reports", concurrency=2, rate=100, period=minute),
        durable.limit_queue("reports", concurrency=2, rate=100, period=60.0),
    ]

    assert took == [True, False, True, False]
    assert limits_of("reports") == Limits(2, 100, 60.0)
    assert list(Queue.objects.limited().values_list("pk", flat=True)) == ["reports"]
    assert durable.limit_queue("reports", rate=1, period=0.5)
    assert limits_of("reports") == Limits(None, 1, 0.5)


def test_a_call_without_limits_lifts_them_once():
    durable.limit_queue("reports", concurrency=0)

    took = [durable.limit_queue("reports"), durable.limit_queue("reports")]

    assert took == [True, False]
    assert limits_of("reports") == Limits()
    assert not Queue.objects.limited().exists()
    assert not durable.limit_queue("another")
    assert not Queue.objects.filter(pk="another").exists()


def test_limits_and_a_pause_leave_each_other_alone():
    durable.pause_queue("reports", "moving")
    durable.limit_queue("reports", concurrency=1)
    paused = Queue.objects.paused().get()
    durable.resume_queue("reports")

    assert (paused.pause_reason, paused.concurrency) == ("moving", 1)
    assert limits_of("reports") == Limits(1)


@pytest.mark.parametrize("name", ["", "a,b", "a\nb", "x" * 65])
def test_what_cannot_be_the_name_of_a_queue_is_refused(name):
    with pytest.raises(ValueError, match="queue_name"):
        durable.limit_queue(name, concurrency=1)


@pytest.mark.parametrize("value", [-1, True, 1.0, "x", "1", 2**31, math.nan, [1]])
@pytest.mark.parametrize("what", ["concurrency", "rate"])
def test_a_limit_is_a_whole_number_or_refused_with_its_name(what, value):
    period = {"period": 60} if what == "rate" else {}

    with pytest.raises(ValueError, match=f"^{what} must be a whole number from .*None"):
        durable.limit_queue("reports", **{what: value}, **period)

    assert not Queue.objects.exists()


@pytest.mark.parametrize("period", [0, -1, 1e-9, math.nan, math.inf, 1e12, "x", True])
def test_a_period_is_some_time_or_refused_with_its_name(period):
    with pytest.raises(ValueError, match=r"^period must"):
        durable.limit_queue("reports", rate=1, period=period)

    assert not Queue.objects.exists()


def test_numbers_that_python_cannot_write_down_are_refused_like_others():
    with pytest.raises(ValueError, match=r"^concurrency must .* not that"):
        durable.limit_queue("reports", concurrency=10**5000)
    with pytest.raises(ValueError, match=r"^period must not be longer"):
        durable.limit_queue("reports", rate=1, period=10**400)


@pytest.mark.parametrize("given", [{"rate": 5}, {"period": 5}])
def test_a_rate_and_its_period_go_together(given):
    with pytest.raises(ValueError, match=r"^rate and period go together.*rate=100"):
        durable.limit_queue("reports", concurrency=1, **given)


def test_a_rate_of_nothing_is_refused_with_the_way_to_hold_a_queue():
    with pytest.raises(ValueError, match=r"^rate .* from 1 .*, not 0\. To hold"):
        durable.limit_queue("reports", rate=0, period=1)


def test_code_that_knows_no_limits_pauses_and_resumes_on_the_new_tables():
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_durable_queue (name, paused_by, pause_reason)"
            " VALUES ('reports', '', '')"
        )

    queue = Queue.objects.get()
    assert (queue.limits, queue.claims) == (Limits(), 0)
    assert durable.limit_queue("reports", concurrency=1)
