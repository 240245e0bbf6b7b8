"""``workflows show``, ``steps``, ``events`` and ``stream``: one workflow."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import pytest

import django_durable as durable
from django_durable.models import Attempt, Step, Workflow
from django_durable.testing import fail_step, run_until_idle, virtual_time
from tests import workflows
from tests.management import definitions

pytestmark = pytest.mark.once

Status = Workflow.Status


def talking(workflow_id="chat-1", name="ada"):
    definitions.talk.using(workflow_id=workflow_id).start(name)
    run_until_idle()
    return workflow_id


def change(workflow_id, **changes):
    Workflow.objects.filter(pk=workflow_id).update(**changes)


def test_show_tells_inputs_and_outcome(cli):
    workflows.total.using(workflow_id="sum", attributes={"customer": 42}).start(1, 2)
    run_until_idle()

    lines = [line.split() for line in cli("show", "sum").out.splitlines()]

    assert lines[0] == ["sum"]
    for expected in (
        ["status", "success"],
        ["definition", "tests.workflows.total"],
        ["attributes", '{"customer":', "42}"],
        ["steps", "2"],
        ["inputs", '{"numbers":', "[1,", "2]}"],
        ["output", "3"],
    ):
        assert expected in lines


def test_show_says_what_a_workflow_waits_for(cli):
    definitions.wait_for_approval.using(workflow_id="order-1").start()
    run_until_idle()

    assert "message approval until 20" in cli("show", "order-1").out
    (wait,) = cli("show", "order-1", "--json").document["waits"]
    assert (wait["kind"], wait["key"]) == ("message", "approval")
    assert wait["wake_at"].endswith("+00:00")


def test_show_gives_programs_one_document(cli):
    talking()

    document = cli("show", "chat-1", "--json").document

    assert document["id"] == "chat-1"
    assert document["status"] == "WAITING"
    assert document["inputs"] == {"name": "ada"}
    assert document["output"] is None
    assert document["counts"] == {
        "steps": 4,
        "notifications": 0,
        "events": 1,
        "streams": 1,
        "children": 0,
    }


def test_show_tells_an_error_with_its_traceback(cli):
    definitions.refuse.using(workflow_id="bad").start("no\x1b[2Jluck")
    run_until_idle()

    answer = cli("show", "bad")

    assert "ValueError: no␛[2Jluck" in answer.out
    assert "Traceback (most recent call last)" in answer.out
    assert "\x1b" not in answer.out
    error = cli("show", "bad", "--json").document["error"]
    assert (error["type"], error["message"]) == ("ValueError", "no\x1b[2Jluck")
    assert "in refuse" in error["traceback"]


@durable.register_type
@dataclass
class Parcel:
    weight: Decimal
    content: list


def test_values_are_shown_decoded_and_what_cannot_be_as_it_is_stored(cli):
    workflows.total.using(workflow_id="odd").start()
    at = datetime(2026, 11, 27, tzinfo=UTC)
    parcel = Parcel(Decimal("1.50"), [(1, b"\xff"), {2}, {3: at}, float("inf")])
    change("odd", output=durable.serialization.dumps(parcel, "x"), status="SUCCESS")

    assert cli("show", "odd", "--json").document["output"] == {
        "weight": "1.50",
        "content": [[1, "ff"], [2], {"3": "2026-11-27T00:00:00+00:00"}, "inf"],
    }

    for text in ("json:{", "pickle:gASVAA==", "cos\nsystem", "json:[{}]"):
        change("odd", inputs=text, output=text, error=text)

        assert cli("show", "odd", "--json").document["output"] in (text, [{}])
        assert cli("show", "odd").code == 0


def test_what_is_to_be_hidden_is_hidden_everywhere(cli, settings):
    settings.DURABLE = {"REDACT": ["token", "error"]}
    definitions.pay.using(workflow_id="pay").start(
        {"number": "4242 4242 4242", "owner": "ada"}, token="secret"
    )
    run_until_idle()

    asked = (
        ["show", "pay"],
        ["steps", "pay"],
        ["events", "pay"],
        ["events", "pay", "--history"],
        ["stream", "pay", "token"],
        ["stream", "pay", "token", "--follow"],
    )
    for words in asked:
        answers = cli(*words).out, cli(*words, "--json").out
        for shown in answers:
            assert "4242 4242 4242" not in shown
            assert "secret" not in shown
    assert cli("show", "pay", "--json").document["inputs"] == {
        "card": {"number": "•••", "owner": "ada"},
        "token": "•••",
    }
    assert "ValueError: •••" in cli("show", "pay").out

    change("pay", inputs="json:{secret")
    assert "secret" not in cli("show", "pay").out


def test_programs_are_told_an_error_as_json(cli):
    answer = cli("show", "nope", "--json")

    assert answer.code == 3
    assert answer.document["error"].startswith("There is no workflow 'nope'.")


def test_steps_are_listed_with_their_outcome(cli):
    talking()

    answer = cli("steps", "chat-1")

    assert [row[:3] for row in answer.rows] == [
        ["1", "tests.workflows.add", "step"],
        ["2", "set_event(greeting)", "set_event"],
        ["3", "write_stream(words)", "write_stream"],
        ["4", "write_stream(words)", "write_stream"],
    ]
    assert answer.rows[0][-2:] == ["1", "3"]
    first = cli("steps", "chat-1", "--json").records[0]
    assert (first["branch"], first["step_id"], first["output"]) == ("", 1, 3)
    assert first["failed_attempts"] == []


def test_failed_tries_are_counted_and_told(cli):
    with virtual_time() as time:
        definitions.insist.using(workflow_id="again").start()
        with fail_step(definitions.flaky, OSError("no line"), times=2):
            run_until_idle()
            waiting = cli("steps", "again")
            (place,) = cli("steps", "again", "--json").records
            time.run_for(seconds=60)

    assert "next try at" in waiting.out
    assert "OSError: no line" in waiting.out
    assert place["failed_attempts"][0]["error"]["message"] == "no line"
    assert cli("steps", "again").rows[0][-2:] == ["3", "done"]
    (done,) = cli("steps", "again", "--json").records
    assert [each["attempt"] for each in done["failed_attempts"]] == [1, 2]
    assert done["output"] == "done"


def test_the_error_of_a_step_is_told(cli):
    definitions.refuse.using(workflow_id="bad").start("no")
    run_until_idle()

    assert "ValueError: no" in cli("steps", "bad").out
    (record,) = cli("steps", "bad", "--json").records
    assert record["error"]["type"] == "ValueError"


def test_steps_of_a_billion_and_of_strange_kinds_are_shown(cli):
    talking()
    Step.objects.filter(step_id=1).update(step_id=10**9, kind="nope")
    Attempt.objects.all().delete()

    assert cli("steps", "chat-1").rows[0][:3] == [
        "1000000000",
        "tests.workflows.add",
        "nope",
    ]


def test_events_are_listed_with_their_history(cli):
    talking()

    assert cli("events", "chat-1").rows[0][0] == "greeting"
    (record,) = cli("events", "chat-1", "--json").records
    assert (record["key"], record["value"]) == ("greeting", {"hello": "ada"})
    (past,) = cli("events", "chat-1", "--json", "--history").records
    assert (past["key"], past["step_id"]) == ("greeting", 2)
    assert '{"hello": "ada"}' in cli("events", "chat-1", "--history").out


def test_the_values_of_a_stream_are_printed(cli):
    talking(name="a\nb\x07")

    assert cli("stream", "chat-1", "words").out == "hello\na\nb␇\n"
    assert cli("stream", "chat-1", "words", "--json", "--offset", "1").records == [
        {"offset": 1, "value": "a\nb\x07"}
    ]
    assert cli("stream", "chat-1", "words", "--offset", "2").out == ""


def test_a_stream_is_followed_to_its_end(cli):
    talking()
    durable.send("chat-1", None, "stop")
    run_until_idle()

    answer = cli("stream", "chat-1", "words", "--follow", "--json")

    assert answer.code == 0
    assert [record["value"] for record in answer.records] == ["hello", "ada"]
    assert cli("stream", "chat-1", "other", "--follow").out == ""


def test_the_streams_of_a_workflow_are_listed(cli):
    talking()

    assert cli("stream", "chat-1").rows == [["words", "2"]]
    assert cli("stream", "chat-1", "--json").records == [
        {"key": "words", "values": 2, "closed": False}
    ]


def test_what_a_workflow_does_not_have_ends_with_3(cli):
    workflows.total.using(workflow_id="sum").start()

    for words in (["steps"], ["events"], ["events", "--history"], ["stream"]):
        word, *options = words
        answer = cli(word, "sum", "--json", *options)
        assert (answer.code, answer.out) == (3, "")
    assert "it has none" in cli("stream", "sum", "words").err


@pytest.mark.parametrize(
    "words",
    [
        ["stream", "chat-1", "words", "--offset", "-1"],
        ["stream", "chat-1", "words", "--offset", "1.5"],
        ["stream", "chat-1", "words", "--offset", "9" * 30],
        ["stream", "chat-1", "--follow"],
        ["stream", "chat-1", "k" * 300, "--follow"],
        ["stream", "chat-1", "", "--follow"],
        ["show"],
        ["show", "chat-1", "chat-2"],
    ],
    ids=lambda words: " ".join(words)[:40],
)
def test_bad_input_is_refused_in_one_line(cli, words):
    talking()

    answer = cli(*words)

    assert (answer.code, answer.out) == (2, "")
    assert len(answer.err.splitlines()) == 1
