"""Bad inputs by their numbers in the design, each with the answer that it must get."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.db import IntegrityError, transaction
from django.urls import reverse

import django_durable as durable
from django_durable import clock
from django_durable.cron import check_cron
from django_durable.definitions import schedules
from django_durable.exceptions import InvalidTransition
from django_durable.models import Queue, Schedule, Step, Worker, Workflow
from django_durable.testing import run_until_idle, virtual_time
from django_durable.worker.housekeeping import Housekeeping
from tests import workflows
from tests.admin.everywhere import NO_MARKUP, addresses
from tests.admin.hostile import written_everywhere
from tests.admin.markup import Markup
from tests.admin.pages import LIST, answer, finished, hidden, page, queued
from tests.command_line import cli
from tests.counting import counting_calls

__all__ = ["cli"]

pytestmark = pytest.mark.django_db

Status = Workflow.Status
START = reverse("admin:django_durable_workflow_start")


@durable.workflow(admin=True)
def offered(number):
    return workflows.add(number, 1)


@durable.workflow
def rest():
    durable.sleep(600)


def statuses():
    return dict(Workflow.objects.values_list("pk", "status"))


# The list and its actions.


def b07_more_selected_than_a_form_may_have(client, cli):
    pks = [queued().pk for _ in range(2)]
    ids = [*pks, *(f"w{number}" for number in range(1000))]

    ticked = {"action": "cancel_selected", "_selected_action": ids}
    assert client.post(LIST, ticked).status_code == 400
    assert set(statuses().values()) == {Status.ENQUEUED}
    # No page offers so many; all that match are chosen by the filter instead.
    assert client.get(LIST, {"all": 1}).context["cl"].list_max_show_all <= 200
    across = {**ticked, "_selected_action": pks[:1], "select_across": "1"}
    assert "Cancel 2 workflows" in client.post(LIST, across).text


def b08_moments_that_do_not_exist(client, cli):
    queued()

    for query in ("year=99999", "month=13", "day=0", "year=x", "gte=yesterday"):
        response = client.get(f"{LIST}?created_at__{query}")
        assert (response.status_code, response["Location"]) == (302, f"{LIST}?e=1")


def asked(client, action, pks, **more):
    """Choose some in the list; return where the answer goes, and its fields."""
    chosen = {"action": f"{action}_selected", "_selected_action": pks, **more}
    text = client.post(LIST, chosen).text
    (target,) = [
        given["action"]
        for tag, given, _ in Markup(text).elements
        if tag == "form" and "dd-form" in given.get("class", "")
    ]
    return target, {**hidden(text), "reason": ""}


def b16_a_confirmation_that_is_sent_twice(client, cli):
    pks = [queued().pk for _ in range(2)]

    for more in ({}, {"select_across": "1"}):
        target, fields = asked(client, "restart", pks, **more)
        first = client.post(target, fields)
        second = client.post(target, fields)
        run_until_idle()
        again = client.post(target, fields)
        assert first["Location"] == second["Location"] == again["Location"]
    made = Workflow.objects.filter(forked_from__in=pks)
    assert sorted(made.values_list("forked_from", flat=True)) == sorted(pks * 2)


def b16_a_confirmation_in_two_tabs(client, cli):
    pks = [queued(run_after=timedelta(days=1)).pk for _ in range(2)]
    tabs = [asked(client, "cancel", pks, select_across="1") for _ in range(2)]

    first, second = (client.post(*tab)["Location"] for tab in tabs)
    run_until_idle()

    assert first != second
    taken = [
        client.get(f"{run}api/").json()["figures"]["done"] for run in (first, second)
    ]
    assert sorted(taken) == ["0", "2"]
    assert LogEntry.objects.filter(object_id__in=pks).count() == 2


def b17_what_a_status_forbids(client, cli):
    pair = (workflows.total.name, workflows.total.version)
    Worker.objects.register(Worker.Kind.WORKER, definitions=[pair])
    forbidden = {
        "cancel": ("SUCCESS", "ERROR", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"),
        "resume": ("SUCCESS", "ERROR", "PENDING", "WAITING", "ENQUEUED"),
        "delete": ("PENDING", "WAITING", "ENQUEUED", "PAUSED"),
    }
    workflow = queued()

    for action, refusing in forbidden.items():
        for status in refusing:
            Workflow.objects.update(status=status)
            done = client.post(page(workflow, action), answer())
            levels = {each.level_tag for each in get_messages(done.wsgi_request)}
            assert levels, (action, status)
            assert levels <= {"error", "warning"}, (action, status)
            client.cookies.pop("messages")
            words = ["--yes"] if action == "delete" else []
            assert cli(action, workflow.pk, *words).code == 1, (action, status)
            assert statuses() == {workflow.pk: status}
    assert not LogEntry.objects.exists()


def b17_a_fork_from_where_no_step_is(client, cli):
    workflow = finished()
    before = statuses()

    for step in (-1, 0, 10**9, 99):
        with pytest.raises(InvalidTransition):
            workflow.fork(step)
        assert cli("fork", workflow.pk, "--from-step", str(step)).code == 1
        given = answer(step=str(step))
        done = client.post(page(workflow, "fork"), given, follow=True)
        levels = {each.level_tag for each in done.context["messages"]}
        assert levels == {"error"} or "errorlist" in done.text, step
    assert statuses() == before


# The form that starts.


def b19_what_cannot_be_started(client, cli):
    given = answer(name=offered.name, args="[1]", kwargs="")
    fields = {
        "name": ({"name": "no.such"}, {"name": workflows.total.name}),
        "args": (
            {"args": "["},
            {"args": "[" * 100_000},
            {"args": f"[{'1,' * 150_000}"},
        ),
        "__all__": ({"args": "[]"}, {"args": "[1, 2]"}, {"kwargs": '{"more": 1}'}),
    }

    for field, wrong in fields.items():
        for changes in wrong:
            found = client.post(START, {**given, **changes})
            assert found.status_code == 200
            assert field in found.context["form"].errors
    # Django itself refuses what is larger than a form may be, whoever sends it.
    assert client.post(START, {**given, "args": "1" * 3_000_000}).status_code == 400
    assert not Workflow.objects.exists()


# What others wrote.


def b21_markup_in_what_is_downloaded(client, cli):
    evil = "</script><svg onload=alert(1)>"
    there = written_everywhere("evil", evil)

    for name, (address, _needed) in addresses("evil", there).items():
        if name not in NO_MARKUP or name in ("workflow_add", "worker_add"):
            continue
        response = client.get(address)
        if response.status_code == 200:
            kind = response["Content-Type"].partition(";")[0]
            assert kind in ("application/json", "text/csv", "text/plain"), name
            assert response["X-Content-Type-Options"] == "nosniff", name
            is_file = not name.startswith("api_")
            assert is_file == ("Content-Disposition" in response), name


def b22_what_looks_like_a_template(client, cli):
    text = "{{ settings.SECRET_KEY }}{% debug %}"
    workflow = queued()
    Workflow.objects.update(summary=text)

    for address in (LIST, page(workflow)):
        assert text in client.get(address).text


FORGED = "\x1b]0;pwn\x07\r\nERROR forged"


def b25_what_steers_a_terminal(client, cli):
    written_everywhere("evil", FORGED)

    for words in (
        ["list"],
        ["show", "evil"],
        ["steps", "evil"],
        ["events", "evil"],
        ["stream", "evil"],
        ["stream", "evil", FORGED],
        ["workers"],
        ["check"],
        ["doctor"],
        ["resume", "evil"],
        ["cancel", "evil", "--reason", FORGED],
    ):
        answer = cli(*words)
        assert answer.code in (0, 1), (words, answer)
        printed = answer.out + answer.err
        assert not {"\x1b", "\x07", "\r"} & set(printed), words
        assert not re.search("^ERROR", printed, re.MULTILINE), words


# Rows.


def b35_rows_that_nobody_should_have_written(client, cli):
    Worker.objects.register(Worker.Kind.WORKER)
    changes = {
        "status": {"status": "NOPE"},
        "count": {"recovery_attempts": -1, "status": "NOPE"},
        "orphan": {"parent": "gone"},
        "future": {"created_at": clock.now() + timedelta(days=9999)},
    }
    for pk, fields in changes.items():
        workflows.total.using(workflow_id=pk, run_after=timedelta(days=1)).start(1)
        Workflow.objects.filter(pk=pk).update(**fields)
    now = clock.now()
    place = {"workflow_id": "status", "step_id": 10**9, "kind": "step", "claim": 1}
    Step.objects.create(name="x", started_at=now, completed_at=now, **place)
    with pytest.raises(IntegrityError), transaction.atomic():
        Workflow.objects.update(recovery_attempts=None)
    before = list(Workflow.objects.order_by("pk").values())

    Housekeeping("default").tidy()
    run_until_idle()

    assert list(Workflow.objects.order_by("pk").values()) == before
    told = cli("doctor").out
    for pk in changes:
        assert f"'{pk}'" in told
        assert client.get(page(Workflow(pk=pk))).status_code == 200
    for address in (f"{LIST}?level=all&window=all", "/admin/django_durable/"):
        assert client.get(address).status_code == 200


def b36_names_of_no_workflow(client, cli):
    Worker.objects.register(Worker.Kind.WORKER)
    names = ("../../etc/passwd", "__import__('os')", "os.system", "x" * 10_000)
    for number, name in enumerate(names):
        workflow = queued(workflow_id=f"w{number}")
        Workflow.objects.filter(pk=workflow.pk).update(name=name)
        assert cli("start", name).code == 3

    run_until_idle()

    assert set(statuses().values()) == {Status.ENQUEUED}
    assert cli("doctor").code == 1
    assert "stranded" in cli("doctor").out
    for number in range(len(names)):
        assert client.get(page(Workflow(pk=f"w{number}"))).status_code == 200


# Schedules.


def b39_times_that_are_none(client, cli):
    refused = {
        "0 0 30 2 *": "day-of-month",
        "*/0 * * * *": "minute",
        "61 * * * *": "minute",
        "0 0 1--100000000 * *": "day-of-month",
        "0 25 * * *": "hour",
        "": "cron",
        "@reboot": "cron",
        "0," * 5000: "cron",
        "0 0 */31 * MON#5": "cron",  # The first of a month in its fifth week.
        None: "cron",
    }
    for cron, field in refused.items():
        refusal = pytest.raises(durable.InvalidSchedule)
        with counting_calls() as called, refusal as caught:
            durable.schedule(cron)(workflows.total)
        assert len(called) < 1000, cron  # Ten milliseconds have time for more.
        assert caught.value.field == field, cron
        assert len(str(caught.value)) < 500, cron
    with pytest.raises(durable.InvalidSchedule, match="time_zone"):
        durable.schedule("0 3 * * *", time_zone="Mars/X")(workflows.total)
    assert schedules.find(workflows.total.name) is None
    for cron in ("* * * * * *", "@Daily", "@weekly", " 0  3 * * mon\t"):
        assert check_cron(cron) in {"* * * * * *", "@daily", "@weekly", "0 3 * * mon"}


def b40_each_second_a_job_of_ten_minutes(client, cli):
    declared = {"name": "b40", "time_zone": "UTC"}
    durable.schedule("* * * * * *", **declared)(rest)
    with virtual_time(schedules=["b40"]) as time:
        time.advance(10)
        run_until_idle()
        time.advance(10)
        run_until_idle()

    row = Schedule.objects.get()
    assert list(statuses().values()) == [Status.WAITING]
    assert row.skipped == row.skipped_in_row == 19
    record = cli("schedules", "--json").document
    assert (record["skipped"], record["last_status"]) == (19, None)


# Queues.


def b41_limits_and_names_of_queues_that_cannot_be(client, cli):
    minute = {"period": timedelta(minutes=1)}
    for bad in (-1, "x", 0.5, True, 10**12):
        with pytest.raises(ValueError, match=r"^concurrency must be a whole number"):
            durable.limit_queue("reports", concurrency=bad)
        with pytest.raises(ValueError, match=r"^rate must be a whole number"):
            durable.limit_queue("reports", rate=bad, **minute)
    with pytest.raises(ValueError, match="printable characters"):
        durable.limit_queue("a b\n", concurrency=1)
    with pytest.raises(ValueError, match="priority"):
        workflows.total.using(priority=10**9)

    assert not Queue.objects.exists()
    assert durable.limit_queue("default", concurrency=0)
    queued()
    assert run_until_idle() == 0


NUMBERS = {"b07", "b08", "b16", "b17", "b19", "b21", "b22", "b25", "b35", "b36"}
NUMBERS |= {"b39", "b40", "b41"}
INPUTS = {
    name: function
    for name, function in dict(globals()).items()
    if re.match(r"b\d\d_", name)
}


# What no database has a part in.
ONCE = {"b08", "b19", "b21", "b22", "b25", "b39"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.once] if name[:3] in ONCE else [])
        for name in INPUTS
    ],
)
def test_a_bad_input_gets_the_answer_that_it_must(name, client, cli):
    client.force_login(User.objects.create_superuser("root"))

    INPUTS[name](client, cli)


@pytest.mark.once
def test_no_number_is_left_out():
    assert {name[:3] for name in INPUTS} == NUMBERS
