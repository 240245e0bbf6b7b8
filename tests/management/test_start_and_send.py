"""``workflows start`` and ``send``."""

from datetime import timedelta

import pytest

import django_durable as durable
from django_durable import clock
from django_durable.models import Notification, Worker, Workflow
from django_durable.testing import run_until_idle
from tests import workflows
from tests.management import definitions

pytestmark = pytest.mark.once

TOTAL = "tests.workflows.total"
TALK = "tests.management.definitions.talk"


def result(workflow_id):
    run_until_idle()
    return durable.retrieve_workflow(workflow_id).get_result()


def test_a_workflow_is_started_with_arguments(cli):
    answer = cli("start", TOTAL, "--args", "[1, 2, 3]", "--id", "sum")

    assert (answer.code, answer.out) == (0, "Started sum.\n")
    assert result("sum") == 6


def test_arguments_by_name_may_come_from_the_standard_input(cli):
    answer = cli(
        "start",
        TALK,
        "--kwargs",
        "-",
        "--id",
        "chat",
        "--json",
        stdin='{"name": "eve"}',
    )

    assert answer.document == {"id": "chat", "created": True}
    run_until_idle()
    assert durable.get_events("chat") == {"greeting": {"hello": "eve"}}


def test_a_second_start_with_an_id_starts_nothing(cli):
    cli("start", TOTAL, "--id", "sum")

    again = cli("start", TOTAL, "--id", "sum")

    assert (again.code, Workflow.objects.count()) == (0, 1)
    assert again.out == "sum exists already; nothing was started.\n"
    document = cli("start", TOTAL, "--id", "sum", "--json").document
    assert document == {"id": "sum", "created": False}


def test_the_options_of_a_start_are_kept(cli):
    document = cli(
        "start",
        TOTAL,
        "--json",
        "--queue=slow",
        "--priority=-5",
        "--run-after=2h",
        "--attribute=customer=42",
        "--attribute=plan=free",
    ).document

    row = Workflow.objects.get(pk=document["id"])
    assert (row.queue_name, row.priority) == ("slow", -5)
    assert row.attributes == {"customer": "42", "plan": "free"}
    assert row.run_after - row.created_at == timedelta(hours=2)


@pytest.mark.parametrize(
    "when", ["2099-01-31T12:00:00Z", "2099-01-31 13:00+01:00", "2099-01-31T12:00"]
)
def test_a_start_may_have_a_time(cli, settings, when):
    settings.TIME_ZONE = "UTC"
    document = cli("start", TOTAL, "--json", "--run-after", when).document

    row = Workflow.objects.get(pk=document["id"])
    assert row.run_after.isoformat() == "2099-01-31T12:00:00+00:00"


def test_a_definition_that_only_a_worker_has_can_be_started(cli):
    Worker.objects.register(Worker.Kind.WORKER, definitions=[("elsewhere.pack", "7")])

    cli("start", "elsewhere.pack", "--id", "far", "--queue", "slow")

    row = Workflow.objects.get(pk="far")
    assert (row.version, row.queue_name) == ("7", "slow")


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "__import__('os')",
        "os.system",
        "tests.workflows",
        "x" * 10_000,
    ],
    ids=lambda name: name[:20],
)
def test_an_unknown_definition_ends_with_3(cli, settings, name):
    # Which would be the version of a name that this process does not know.
    settings.DURABLE = {"APP_VERSION": "1"}

    answer = cli("start", name)

    assert (answer.code, Workflow.objects.count()) == (3, 0)
    assert answer.err.startswith("Unknown workflow")


def test_an_unknown_definition_is_answered_with_the_one_that_was_meant(cli):
    answer = cli("start", "tests.workflow.total", "--json")

    assert answer.document["error"].endswith("did you mean 'tests.workflows.total'?")


@pytest.mark.parametrize(
    "words",
    [
        ["--args", "["],
        ["--args", "{}"],
        ["--args", "5"],
        ["--args", "[NaN]"],
        ["--args", "[1e999]"],
        ["--args", "[" * 100_000],
        ["--kwargs", "[]"],
        ["--kwargs", '{"other": 1}'],
        ["--args", '["a", "b"]'],
        ["--id", "a/b"],
        ["--id", ""],
        ["--id", "x" * 256],
        ["--id", "\ud800"],
        ["--priority", "101"],
        ["--priority", "high"],
        ["--queue", "a,b"],
        ["--queue", "x" * 65],
        ["--run-after", "tomorrow"],
        ["--run-after", "2026-13-45"],
        ["--run-after", "-5m"],
        ["--run-after", "20w4d"],
        ["--timeout", "forever"],
        ["--attribute", "=5"],
        ["--args", '["' + "x" * 3_000_000 + '"]'],
    ],
    ids=lambda words: " ".join(words)[:40].encode("ascii", "replace").decode(),
)
def test_a_start_that_makes_no_sense_starts_nothing(cli, words):
    needed = [] if "--args" in words or "--kwargs" in words else ["--args", '["ada"]']

    answer = cli("start", TALK, *needed, *words)

    assert (answer.code, answer.out, Workflow.objects.count()) == (2, "", 0)
    assert len(answer.err.splitlines()) == 1
    assert len(answer.err) < 500


def test_the_id_of_another_definition_is_refused(cli):
    cli("start", TOTAL, "--id", "sum")

    answer = cli("start", TALK, "--id", "sum", "--args", '["ada"]', "--json")

    assert answer.code == 1
    assert "cannot be started as" in answer.document["error"]


def test_a_message_is_received(cli):
    definitions.wait_for_approval.using(workflow_id="order-1").start()
    run_until_idle()

    answer = cli("send", "order-1", '{"by": "ana"}', "--topic", "approval")

    assert (answer.code, answer.out) == (0, "Sent to order-1.\n")
    assert result("order-1") == {"by": "ana"}


def test_a_message_may_come_from_the_standard_input(cli):
    definitions.wait_for_approval.using(workflow_id="order-1").start()

    cli("send", "order-1", "-", "--topic", "approval", stdin='"yes"\n')

    assert result("order-1") == "yes"


def test_a_message_with_a_key_is_sent_once(cli):
    workflows.total.using(workflow_id="sum").start()

    for _ in range(2):
        assert cli("send", "sum", "1", "--idempotency-key", "k").code == 0

    assert Notification.objects.count() == 1


def test_a_message_to_a_workflow_that_has_ended_is_kept_and_told(cli):
    workflows.total.using(workflow_id="sum").start()
    run_until_idle()

    answer = cli("send", "sum", "1", "--json")

    assert answer.document == {"id": "sum", "has_ended": True}
    assert "nobody reads" in answer.err
    assert Notification.objects.count() == 1


@pytest.mark.parametrize(
    "words",
    [
        ["approved"],
        [""],
        ["1", "--topic", ""],
        ["1", "--topic", "a\0"],
        ["1", "--topic", "x" * 300],
        ["1", "--idempotency-key", "x" * 10_000],
        ['"' + "x" * 3_000_000 + '"'],
    ],
    ids=lambda words: " ".join(words)[:40].encode("ascii", "replace").decode(),
)
def test_a_message_that_makes_no_sense_is_refused(cli, words):
    workflows.total.using(workflow_id="sum").start()

    answer = cli("send", "sum", *words)

    assert (answer.code, Notification.objects.count()) == (2, 0)
    assert len(answer.err.splitlines()) == 1


def test_a_message_without_quotes_is_answered_with_the_way_out(cli):
    assert """A string needs its quotes: '"approved"'""" in cli("send", "x", "yes").err


def test_the_present_is_no_start_in_the_past(cli):
    document = cli("start", TOTAL, "--json", "--run-after", "0").document

    assert Workflow.objects.get(pk=document["id"]).run_after <= clock.now()
