"""``workflows cancel`` and ``resume``, by ids and in bulk."""

import io

import pytest
from django.core.management.base import OutputWrapper

import django_durable as durable
from django_durable.management.workflows import bulk
from django_durable.management.workflows.progress import Progress
from django_durable.models import Worker, Workflow
from django_durable.testing import run_until_idle
from tests import workflows
from tests.management import definitions
from tests.management.stored import finished, queued

Status = Workflow.Status


def status_of(workflow_id):
    return Workflow.objects.get(pk=workflow_id).status


def statuses():
    return dict(Workflow.objects.values_list("pk", "status"))


def test_workflows_are_cancelled_by_their_ids(cli):
    queued("a", "b", "c")

    answer = cli("cancel", "a", "b", "--reason", "no longer wanted")

    assert (answer.code, answer.out) == (0, "Cancelled a.\nCancelled b.\n")
    assert statuses() == {"a": "CANCELLED", "b": "CANCELLED", "c": "ENQUEUED"}
    assert Workflow.objects.get(pk="a").cancel_reason == "no longer wanted"


def test_without_a_reason_it_says_who_cancelled(cli, monkeypatch):
    monkeypatch.setenv("LOGNAME", "ana")
    queued("a")

    cli("cancel", "a")

    reason = Workflow.objects.get(pk="a").cancel_reason
    assert reason == "cancelled by ana on the command line"


def test_a_cancelled_workflow_goes_on_when_it_is_resumed(cli):
    queued("a")
    durable.cancel_workflow("a")

    answer = cli("resume", "a", "--json")

    assert answer.document == {"done": 1, "workflows": [{"id": "a"}]}
    run_until_idle()
    assert status_of("a") == Status.SUCCESS


@pytest.mark.parametrize(
    ("verb", "refused"),
    [
        ("cancel", ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]),
        ("resume", ["SUCCESS", "ERROR", "PENDING", "WAITING", "ENQUEUED"]),
    ],
)
def test_what_the_status_forbids_is_refused_and_changes_nothing(cli, verb, refused):
    pair = (workflows.total.name, workflows.total.version)
    Worker.objects.register(Worker.Kind.WORKER, definitions=[pair])
    queued(*refused)
    for status in refused:
        Workflow.objects.filter(pk=status).update(status=status)
    before = list(Workflow.objects.order_by("pk").values())

    answer = cli(verb, *refused)

    assert (answer.code, answer.out) == (1, "")
    for status in refused:
        assert f"Cannot {verb} workflow '{status}': its status is {status}." in (
            answer.err
        )
    assert list(Workflow.objects.order_by("pk").values()) == before


def test_what_is_refused_or_unknown_does_not_stop_the_rest(cli):
    finished("done")
    queued("a", "b")

    answer = cli("cancel", "a", "nope", "done", "b", "--json")

    assert answer.code == 1
    assert answer.document["done"] == 2
    assert answer.document["error"] == "Cancelled: 2 of 4."
    errors = [each.get("error", "")[:13] for each in answer.document["workflows"]]
    assert errors == ["", "There is no w", "Cannot cancel", ""]
    assert status_of("b") == Status.CANCELLED


@pytest.mark.parametrize("verb", ["cancel", "resume"])
def test_only_unknown_ids_end_with_3(cli, verb):
    answer = cli(verb, "nope", "\udcff", "x" * 10_000)

    assert (answer.code, answer.out) == (3, "")
    assert len(answer.err.splitlines()) == 4


def test_all_that_filters_keep_are_cancelled(cli):
    finished("done")
    queued("a", "b", queue_name="slow")
    queued("c")

    answer = cli("cancel", "--all", "--queue", "slow", "--yes")

    assert (answer.code, answer.out) == (0, "Cancelled: 2 of 2.\n")
    assert {pk for pk, status in statuses().items() if status == "CANCELLED"} == {
        "a",
        "b",
    }
    assert cli("cancel", "--all", "--queue", "slow", "--yes").code == 3


def test_more_than_one_batch_is_cancelled(cli, monkeypatch):
    monkeypatch.setattr(bulk, "BATCH", 2)
    queued(*"abcde")

    answer = cli("cancel", "--all", "--status", "active", "--yes", "--json")

    assert answer.document == {"matched": 5, "done": 5}
    assert set(statuses().values()) == {"CANCELLED"}


def test_a_dry_run_shows_and_changes_nothing(cli):
    queued(*(f"order-{number:02}" for number in range(25)))
    Workflow.objects.filter(pk="order-00").update(status=Status.PAUSED)

    answer = cli("cancel", "--all", "--search", "order", "--dry-run")
    document = cli("cancel", "--all", "--search", "order", "--dry-run", "--json")

    lines = answer.out.splitlines()
    assert lines[0] == "To cancel: 25 (24 queued, 1 paused)"
    assert (lines[1], lines[-1]) == ("  order-00", "  … and 5 more")
    assert document.document["by_status"] == {"ENQUEUED": 24, "PAUSED": 1}
    assert len(document.document["ids"]) == 20
    assert "CANCELLED" not in statuses().values()


def test_resume_in_bulk_takes_what_can_be_resumed(cli):
    pair = (workflows.total.name, workflows.total.version)
    Worker.objects.register(Worker.Kind.WORKER, definitions=[pair])
    queued("cancelled", "paused", "dead", "stranded", "running")
    queued("tagged", attributes={"customer": 42})
    finished("done")
    for workflow_id, status in (
        ("cancelled", Status.CANCELLED),
        ("paused", Status.PAUSED),
        ("dead", Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED),
        ("running", Status.PENDING),
        ("stranded", Status.WAITING),
        ("tagged", Status.CANCELLED),
    ):
        Workflow.objects.filter(pk=workflow_id).update(status=status)
    Workflow.objects.filter(pk="stranded").update(version="old")

    by_attribute = cli("resume", "--all", "--attribute", "customer=42", "--yes")
    answer = cli("resume", "--all", "--name", workflows.total.name, "--yes")

    assert by_attribute.out == "Resumed: 1 of 1.\n"
    assert answer.out == "Resumed: 4 of 4.\n"
    assert Workflow.objects.get(pk="stranded").version == workflows.total.version
    assert (status_of("running"), status_of("done")) == ("PENDING", "SUCCESS")


class Terminal(io.StringIO):
    """Somebody types."""

    def isatty(self):
        return True


@pytest.mark.once
@pytest.mark.parametrize(
    ("count", "typed", "code"),
    [(2, "yes", 0), (2, "y", 1), (2, "", 1), (3, "cancel 3", 0), (3, "yes", 1)],
)
def test_at_a_terminal_people_are_asked(cli, monkeypatch, count, typed, code):
    monkeypatch.setattr(bulk, "MOST_UNTYPED", 2)
    queued(*"abc"[:count])

    answer = cli("cancel", "--all", "--status", "queued", stdin=Terminal(f"{typed}\n"))

    assert answer.code == code
    assert answer.out.startswith(f"To cancel: {count} ({count} queued)")
    assert set(statuses().values()) == {"ENQUEUED" if code else "CANCELLED"}


@pytest.mark.once
def test_at_a_terminal_people_are_told_where_they_are(cli, settings):
    settings.DURABLE = {"ENV_LABEL": "production"}
    queued("a")

    answer = cli("cancel", "--all", "--status", "queued", stdin=Terminal("no\n"))

    assert answer.out.startswith("This is production.\nTo cancel: 1 ")
    assert status_of("a") == Status.ENQUEUED


def test_where_nobody_sits_nothing_is_done_without_yes(cli):
    queued("a")

    answer = cli("cancel", "--all", "--status", "queued")

    assert (answer.code, status_of("a")) == (2, "ENQUEUED")
    assert answer.err == "This would cancel 1: add --yes, or --dry-run to see them.\n"


@pytest.mark.once
@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--yes"],
        ["--all"],
        ["--all", "--yes"],
        ["a", "--all"],
        ["a", "--status", "queued"],
        ["a", "--dry-run"],
        ["--status", "queued"],
        ["--al", "--status", "queued", "--yes"],
    ],
    ids=" ".join,
)
def test_what_is_not_clearly_meant_is_refused(cli, words):
    queued("a")

    assert cli("cancel", *words).code == 2
    assert status_of("a") == Status.ENQUEUED


@pytest.mark.once
def test_ctrl_c_tells_how_far_it_came(cli, monkeypatch):
    monkeypatch.setattr(bulk, "BATCH", 1)
    queued("a", "b")
    advance = Progress.advance

    def interrupted(progress, count):
        advance(progress, count)
        raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "advance", interrupted)

    answer = cli("cancel", "--all", "--status", "queued", "--yes")

    assert answer.code == 130
    assert answer.err == "Stopped. Cancelled: 1 of 2.\n"


def test_a_workflow_that_goes_meanwhile_is_not_there(cli, monkeypatch):
    finished("done")
    monkeypatch.setattr(Workflow, "cancel", gone)

    assert cli("cancel", "done").code == 3


def gone(workflow, reason):
    workflow.delete()
    workflow.refresh_from_db()


@pytest.mark.once
def test_progress_is_drawn_at_a_terminal_only():
    shown, hidden = Terminal(), io.StringIO()

    for stream in (shown, hidden):
        with Progress(OutputWrapper(stream), 4) as progress:
            progress.advance(2)

    assert "50%  2 of 4" in shown.getvalue()
    assert shown.getvalue().endswith("\r\x1b[K")
    assert hidden.getvalue() == ""


def test_children_are_cancelled_along(cli):
    definitions.wait_for_approval.using(workflow_id="parent").start()
    definitions.wait_for_approval.using(workflow_id="child").start()
    run_until_idle()
    Workflow.objects.filter(pk="child").update(parent="parent")

    cli("cancel", "parent")

    assert set(statuses().values()) == {"CANCELLED"}


def test_what_is_resumed_may_go_on_in_another_queue(cli):
    queued("a", "b")
    Workflow.objects.update(status=Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED, stalls=9)

    one = cli("resume", "a", "--to-queue", "slow")
    many = cli("resume", "--all", "--queue", "default", "--to-queue", "slow", "--yes")

    assert (one.code, many.code) == (0, 0)
    found = Workflow.objects.values_list("queue_name", "status", "stalls")
    assert list(found) == [("slow", "ENQUEUED", 0)] * 2


@pytest.mark.once
@pytest.mark.parametrize("name", ["", "x" * 65, "a\nb"])
def test_a_name_that_no_queue_can_have_is_misuse(cli, name):
    answer = cli("resume", "a", "--to-queue", name)

    assert answer.code == 2
    assert "queue_name must be 1 to 64 printable characters" in answer.err
