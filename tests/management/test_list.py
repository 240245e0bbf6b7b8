"""``workflows list``: what is there, by the filters of the admin."""

import io
import json
from datetime import timedelta

import pytest
from django.core.management import call_command

from django_durable import clock
from django_durable.management.commands.workflows import Command
from django_durable.models import Attempt, Worker, Workflow
from django_durable.testing import run_until_idle
from example_project.orders.models import Order
from tests import workflows
from tests.management import definitions

Status = Workflow.Status


def start(workflow_id, definition=workflows.total, **options):
    definition.using(workflow_id=workflow_id, **options).start()
    return workflow_id


def change(workflow_id, **changes):
    Workflow.objects.filter(pk=workflow_id).update(**changes)


def ids(answer):
    return [record["id"] for record in answer.records]


@pytest.fixture
def one_of_each(db):
    """One workflow of each status, its id the status in lower case."""
    for status in Status:
        change(start(status.lower()), status=status)


def test_a_table_shows_the_newest_first(cli):
    start("order-1")
    start("order-2", queue_name="slow")

    answer = cli("list")

    assert answer.code == 0
    assert [row[:3] for row in answer.rows] == [
        ["order-2", "tests.workflows.total", "queued,"],
        ["order-1", "tests.workflows.total", "queued,"],
    ]
    assert "stranded  slow" in answer.out


def test_json_has_a_document_a_line_and_no_payloads(cli):
    start("order-1", attributes={"customer": 42}, priority=5)

    (record,) = cli("list", "--json").records

    assert record["id"] == "order-1"
    assert record["name"] == "tests.workflows.total"
    assert record["status"] == "ENQUEUED"
    assert record["is_stranded"] is True
    assert record["attributes"] == {"customer": 42}
    assert record["priority"] == 5
    assert record["created_at"].endswith("+00:00")
    assert not {"inputs", "output", "error"} & record.keys()


def test_what_a_live_worker_has_the_code_for_is_not_stranded(cli):
    pair = (workflows.total.name, workflows.total.version)
    Worker.objects.register(Worker.Kind.WORKER, definitions=[pair])
    start("order-1")

    assert cli("list", "--json").records[0]["is_stranded"] is False
    assert cli("list", "--status", "stranded").code == 3


def test_a_waiting_workflow_says_what_for(cli):
    start("order-1", definitions.wait_for_approval)
    run_until_idle()

    assert "message approval until 20" in cli("list").out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["success"], {"success"}),
        (["SUCCESS"], {"success"}),
        (["queued"], {"enqueued"}),
        (["running", "paused"], {"pending", "paused"}),
        (["dead-letter"], {"max_recovery_attempts_exceeded"}),
        (["dead"], {"max_recovery_attempts_exceeded"}),
        (["failed"], {"error", "max_recovery_attempts_exceeded"}),
        (["active"], {"enqueued", "pending", "waiting", "paused"}),
        (["unfinished"], {"enqueued", "pending", "waiting", "paused"}),
        (["stranded", "cancelled"], {"enqueued", "waiting", "cancelled"}),
        (
            ["finished"],
            {"success", "error", "cancelled", "max_recovery_attempts_exceeded"},
        ),
    ],
    ids=" ".join,
)
def test_the_status_may_be_a_word_or_a_group_of_them(cli, one_of_each, words, expected):
    options = [f"--status={word}" for word in words]

    assert set(ids(cli("list", "--json", *options))) == expected


def test_the_authors_line_and_the_reason_are_shown(cli):
    change(start("order-1"), summary="3 parcels", status="PAUSED", pause_reason="no x")

    assert "3 parcels · no x" in cli("list").out


def test_each_filter_keeps_what_it_names(cli):
    order = Order.objects.create(pk=7)
    start("plain")
    start("other", workflows.atotal)
    start("queue", queue_name="slow")
    start("about", subject=order)
    start("tagged", attributes={"customer": 42, "plan": "free"})
    start("waiting", definitions.wait_for_approval)
    run_until_idle()
    change("plain", version="old")
    start("child")
    change("child", parent="plain")
    Attempt.objects.create(
        workflow_id="other",
        step_id=1,
        attempt=1,
        error="json:{}",
        failed_at=clock.now(),
        next_at=clock.now(),
    )
    start("ancient")
    change("ancient", created_at=clock.now() - timedelta(days=30))

    def found(*options):
        return set(ids(cli("list", "--json", *options)))

    assert found("--name", "tests.workflows.atotal") == {"other"}
    assert found("--queue", "slow") == {"queue"}
    assert found("--version", "old") == {"plain"}
    assert found("--subject", f"{Order._meta.label}:7") == {"about"}
    assert found("--attribute", "customer=42") == {"tagged"}
    assert found("--attribute", "plan=free", "--attribute", "customer=42") == {"tagged"}
    assert found("--attribute", "plan=free", "--attribute", "customer=4") == set()
    assert found("--waiting-for", "message") == {"waiting"}
    assert found("--waiting-for", "message:approval") == {"waiting"}
    assert found("--waiting-for", "message:payment") == set()
    assert found("--waiting-for", "timer") == set()
    assert found("--parent", "plain") == {"child"}
    assert "child" not in found("--top-level")
    assert found("--retried") == {"other"}
    assert found("--older-than", "7d") == {"ancient"}
    assert "ancient" not in found("--newer-than", "24h")
    assert found("--search", "anc") == {"ancient"}
    assert found("--search", "atotal") == {"other"}
    assert found("--search", "%") == set()


def test_a_limit_tells_that_there_are_more(cli):
    start("order-1")
    start("order-2")

    answer = cli("list", "--json", "--limit", "1")

    assert ids(answer) == ["order-2"]
    assert answer.err == "There are more than these 1: see --limit.\n"
    assert cli("list", "--limit", "2").err == ""


def test_a_list_takes_as_many_statements_however_long_it_is(
    cli, django_assert_num_queries
):
    for number in range(3):
        start(f"order-{number}", definitions.wait_for_approval)
    run_until_idle()

    for limit in (1, 3):
        with django_assert_num_queries(3):
            assert cli("list", "--limit", str(limit)).code == 0


@pytest.mark.django_db(databases=["default", "apart"])
def test_another_database_can_be_chosen(cli):
    start("order-1")
    Workflow(
        id="elsewhere",
        name="x",
        inputs="json:[{}]",
        run_after=clock.now(),
        created_at=clock.now(),
        changed_at=clock.now(),
    ).save(using="apart")

    assert ids(cli("list", "--json", "--database", "apart")) == ["elsewhere"]
    assert cli("show", "elsewhere", "--database", "apart").code == 0
    assert cli("cancel", "elsewhere", "--database", "apart").code == 0
    assert ids(cli("list", "--json")) == ["order-1"]


def test_an_empty_list_prints_nothing_and_ends_with_3(cli):
    answer = cli("list", "--json", "--name", "x" * 10_000)

    assert (answer.code, answer.out) == (3, "")
    assert cli("list").err == "No workflow matches.\n"


@pytest.mark.once
@pytest.mark.parametrize(
    "words",
    [
        ["--status", "nope"],
        ["--limit", "0"],
        ["--limit", "-1"],
        ["--limit", "abc"],
        ["--limit", "9" * 5000],
        ["--older-than", "soon"],
        ["--older-than", "99999999999w"],
        ["--older-than", "nan"],
        ["--attribute", "customer"],
        ["--attribute", "a'; DROP TABLE--=1"],
        ["--waiting-for", "godot"],
        ["--subject", "order-7"],
        ["--search", "a" * 201],
        ["--search", "\0"],
        ["--name", "\udcff"],
        ["--database", "nope"],
        ["--stat", "error"],
        ["order-1"],
    ],
    ids=lambda words: " ".join(words)[:30].encode("ascii", "replace").decode(),
)
def test_what_makes_no_sense_is_refused_in_one_line(cli, words):
    answer = cli("list", *words)

    assert (answer.code, answer.out) == (2, "")
    assert len(answer.err.splitlines()) == 1
    assert len(answer.err) < 500


@pytest.mark.parametrize(
    "value",
    ["'; DROP TABLE x--", '"\\u0000"', '"\\ud800"', "1e999", "9" * 5000, "null", "{}"],
)
def test_attributes_are_compared_as_data(cli, value):
    start("order-1", attributes={"customer": 42, "__class__": "x"})

    assert cli("list", "--attribute", f"customer={value}").code == 3
    assert cli("list", "--attribute", f"customer__gt={value}").code == 3
    assert cli("list", "--attribute", "__class__=x").code == 0
    assert cli("list", "--attribute", "7=x").code == 2


@pytest.mark.once
def test_what_steers_a_terminal_is_shown_as_an_escape(cli):
    start("order-1")
    change(
        "order-1",
        name="\x1b]0;pwn\x07",
        summary="\r\nERROR forged \u202e",
        queue_name="größe",
    )

    answer = cli("list")

    assert "␛]0;pwn␇" in answer.out
    assert "␍␊ERROR forged ⟨U+202E⟩" in answer.out
    assert "größe" in answer.out
    assert len(answer.out.splitlines()) == 2
    assert cli("list", "--json").out.isascii()


@pytest.mark.once
def test_colours_are_for_terminals(cli):
    change(start("order-1"), status=Status.ERROR)

    assert "\x1b[" in cli("list", "--force-color").out
    assert "\x1b[" not in cli("list", "--no-color").out


@pytest.mark.once
def test_a_shell_is_told_of_misuse_in_json_and_in_one_line(capsys):
    words = ["manage.py", "workflows", "list", "--limit", "abc"]

    with pytest.raises(SystemExit) as plain:
        Command().run_from_argv(words)
    in_plain = capsys.readouterr()
    with pytest.raises(SystemExit) as for_programs:
        Command().run_from_argv([*words, "--json"])
    in_json = capsys.readouterr()

    assert (plain.value.code, for_programs.value.code) == (2, 2)
    assert (in_plain.out, in_plain.err.count("\n")) == ("", 1)
    assert json.loads(in_json.out)["error"].startswith("argument --limit: 'abc' is no")
    assert in_json.err == in_plain.err


@pytest.mark.django_db
def test_code_may_give_options_by_keyword():
    out = io.StringIO()
    start("order-1")
    start("order-2", queue_name="slow")

    call_command("workflows", "list", "--json", queue="slow", stdout=out)

    assert json.loads(out.getvalue())["id"] == "order-2"


@pytest.mark.once
def test_djangos_options_may_stand_behind_the_subcommand(cli):
    start("order-1")

    answer = cli("list", "--no-color", "-v", "2", "--traceback", "--json")

    assert ids(answer) == ["order-1"]
