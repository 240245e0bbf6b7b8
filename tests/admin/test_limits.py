"""Limits of queues in the admin: set, seen to be set, and seen to hold back."""

import html
import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

import django_durable as durable
from django_durable import clock
from django_durable.limits import Limits
from django_durable.models import Queue, QueueStart, Workflow
from tests.admin.pages import LIST, hidden, page
from tests.admin.queues import API, HOME, ODD, QUEUES, address, rows_of
from tests.admin.rows import add

pytestmark = pytest.mark.django_db

Status = Workflow.Status


def started(queue_name, number, *, ago, slice_=1):
    """Note that so many of a queue were started then."""
    then = clock.now() - timedelta(seconds=ago)
    QueueStart.objects.create(
        queue_name=queue_name, slice=slice_, started_at=then, number=number
    )


def given(asked, **fields):
    """Return what is sent from a page that was shown, and its fields filled in."""
    empty = dict.fromkeys(("concurrency", "rate", "period", "reason"), "")
    return {**empty, "seen": hidden(asked.text)["seen"], **fields}


def errors_of(response):
    """Return what is said at each field, by the names of these."""
    return dict(response.context["form"].errors)


@pytest.mark.parametrize("name", ["reports", ODD])
def test_a_queue_is_limited_after_a_question_and_history_tells_how(
    client, operator, name
):
    operator("view_workflow", "manage_queue")
    add("a", Status.ENQUEUED, queue_name=name)
    (link,) = re.findall(
        r'href="([^"]*queues/one/limit/[^"]*)"', client.get(QUEUES).text
    )
    limit = html.unescape(link)

    asked = client.get(limit)
    before = Queue.objects.count()
    fields = given(asked, concurrency="2", rate="100", period="60", reason="quota")
    done = client.post(limit, fields, follow=True)
    shown = client.get(limit)
    late = client.post(limit, given(shown, concurrency="3", seen=""))
    same = client.post(limit, fields, follow=True)
    lifted = client.post(limit, given(shown), follow=True)

    assert (limit, before) == (address("limit", name), 0)
    assert "Workers hear of it at once" in asked.text
    assert f"“{name}”: no limit → 2 at once, 100 per minute." in html.unescape(
        done.text
    )
    assert 'value="2"' in shown.text
    assert "0 of 2 running, 0 of 100 per minute" in shown.text
    assert "Meanwhile it was set to: 2 at once, 100 per minute" in late.text
    assert "It has these limits already." in same.text
    assert "2 at once, 100 per minute → no limit." in html.unescape(lifted.text)
    entries = LogEntry.objects.order_by("pk")
    assert [(each.object_id, each.get_change_message()) for each in entries] == [
        (name, "limit: no limit → 2 at once, 100 per minute. Reason: quota"),
        (name, "limit: 2 at once, 100 per minute → no limit."),
    ]
    assert "no limit → 2 at once" in html.unescape(client.get(limit).text)


@pytest.mark.once
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"concurrency": "-1"}, {"concurrency": "greater than or equal to 0"}),
        ({"concurrency": "1.5"}, {"concurrency": "whole number"}),
        ({"concurrency": "1.000"}, {"concurrency": "whole number"}),
        ({"concurrency": "9" * 30}, {"concurrency": "less than or equal to"}),
        ({"rate": "0", "period": "1"}, {"rate": "greater than or equal to 1"}),
        ({"rate": "5"}, {"period": "In which time?"}),
        ({"period": "5"}, {"rate": "How many?"}),
        ({"rate": "5", "period": "0"}, {"period": "at least 0.001 seconds"}),
        ({"rate": "5", "period": "1e12"}, {"period": "longer than ten years"}),
        ({"rate": "x", "period": "nan"}, {"rate": "whole", "period": "number"}),
    ],
)
def test_a_limit_that_cannot_be_is_refused_at_its_field(client, operator, fields, said):
    operator("view_workflow", "manage_queue")
    limit = address("limit", "reports")

    response = client.post(limit, given(client.get(limit), **fields))

    found = errors_of(response)
    assert set(found) == set(said)
    for name, part in said.items():
        assert part in found[name][0]
        assert html.escape(found[name][0]) in response.text
    assert not Queue.objects.exists()


def test_of_two_at_once_the_second_sees_what_the_first_has_set(client, operator):
    operator("view_workflow", "manage_queue")
    limit = address("limit", "reports")
    shown = client.get(limit)

    durable.limit_queue("reports", concurrency=7, rate=1, period=1234567.5)
    assert 'value="1234567.5"' in client.get(limit).text
    with CaptureQueriesContext(connection) as queries:
        late = client.post(limit, given(shown, concurrency="2"))
    locks = [each for each in queries if "FOR NO KEY UPDATE" in each["sql"]]
    kept = Queue.objects.get().limits
    client.post(limit, given(late, concurrency="2"))
    none = client.post(limit, given(client.get(limit), concurrency="2"), follow=True)

    assert len(locks) == connection.features.has_select_for_update
    assert "Meanwhile it was set to: 7 at once, 1 per 14 d 6 h." in late.text
    assert 'value="2"' in late.text
    assert kept == Limits(7, 1, 1234567.5)
    assert Queue.objects.get().limits == Limits(2)
    assert "It has these limits already." in none.text
    assert (
        LogEntry.objects.get().get_change_message()
        == "limit: 7 at once, 1 per 14 d 6 h → 2 at once."
    )


def test_limits_are_shown_with_what_they_leave_and_hold_back(client, operator, noon):
    operator("view_workflow")
    add("a", Status.PENDING, queue_name="full")
    add("b", Status.ENQUEUED, queue_name="full")
    durable.limit_queue("full", concurrency=1)
    add("c", Status.ENQUEUED, queue_name="quick")
    durable.limit_queue("quick", concurrency=5, rate=3, period=60)
    started("quick", 7, ago=61, slice_=1)
    started("quick", 1, ago=50, slice_=2)
    started("quick", 2, ago=10, slice_=3)
    durable.limit_queue("idle", rate=1, period=90)
    add("d", Status.PENDING, queue_name="free")

    queues, home = rows_of(client), rows_of(client, HOME)

    assert queues["full"]["Limit"] == "1 of 1 running"
    assert queues["full"]["State"] == "LIMITED: 1 of 1 running"
    assert queues["quick"]["Limit"] == "0 of 5 running, 3 of 3 per minute"
    at = timezone.localtime(noon.now() + timedelta(seconds=10))
    state = f"LIMITED: 3 of 3 per minute, more from {at:%H:%M:%S}"
    assert queues["quick"]["State"] == state
    assert queues["idle"]["Limit"] == "0 of 1 per 1 m 30 s"
    assert queues["idle"]["State"] == "running"
    assert queues["free"]["Limit"] == "—"
    used = [
        (home[name]["Running"], home[name]["Limit"])
        for name in ("full", "quick", "idle", "free")
    ]
    assert used == [
        ("1/1", "1"),
        ("0/5", "5, 3/3 per minute"),
        ("0/—", "0/1 per 1 m 30 s"),
        ("1/—", "—"),
    ]
    assert home["full"]["State"] == queues["full"]["State"]


def test_an_open_page_hears_of_limits_in_as_many_statements(client, operator):
    operator("view_workflow")
    add("a", Status.ENQUEUED, queue_name=ODD)

    def ask():
        with CaptureQueriesContext(connection) as queries:
            found = client.get(API).json()["figures"]
        cells = {at.partition(":")[0]: text for at, text in found.items()}
        return cells, len(queries)

    ask()
    free = ask()
    durable.limit_queue(ODD, concurrency=0, rate=1, period=1)
    limited = ask()

    assert (free[0]["usage"], free[0]["limit"], free[0]["most"]) == ("—", "—", "—")
    assert limited[0]["usage"] == "0 of 0 running, 0 of 1 per second"
    assert limited[0]["limit"] == "0, 0/1 per second"
    assert limited[0]["most"] == "0"
    assert limited[0]["state"] == "LIMITED: 0 of 0 running"
    assert limited[1] == free[1]


def test_a_workflow_says_that_its_queue_is_at_its_limit(client, operator):
    operator("view_workflow")
    add("new", Status.ENQUEUED, queue_name="mail")
    add("begun", Status.ENQUEUED, queue_name="mail", started_at=clock.now())
    add("runs", Status.PENDING, queue_name="mail")
    add("<b>", Status.ENQUEUED, queue_name="paused")
    live = reverse("admin:django_durable_api_live", args=["new"])
    said = "Its queue mail is at its limit: "

    def told():
        in_list = client.get(LIST).text
        rows = client.get(reverse("admin:django_durable_api_rows"), {"ids": "new"})
        one = client.get(live).json()["rows"]["new"]["held_up"]
        assert one == rows.json()["rows"]["new"]["why"]
        assert one in client.get(page("new")).text
        return one, said in client.get(page("begun")).text, in_list.count(said)

    free = told()
    durable.limit_queue("mail", rate=1, period=60)
    started("mail", 1, ago=5)
    by_rate = told()
    durable.limit_queue("mail", concurrency=1)
    by_number = told()
    Queue.objects.pause("paused", "moving", "ana")

    assert free == ("", False, 0)
    assert re.fullmatch(rf"{said}1 of 1 per minute, more from .*:\d\d", by_rate[0])
    assert by_rate[1:] == (False, 1)
    assert by_number == (f"{said}1 of 1 running", True, 2)
    assert said not in client.get(page("runs")).text
    assert re.search(
        r"Its queue paused is paused by ana since \d\d:\d\d: moving",
        client.get(LIST).text,
    )
