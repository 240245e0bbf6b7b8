"""Each question can be asked, and what talks is timed from end to end."""

import runpy
from contextlib import closing
from importlib import import_module

import pytest
from django.db.utils import ConnectionHandler

from benchmarks import (
    bare,
    claims,
    copies,
    events,
    latency,
    messages,
    streams,
    workflows,
)
from benchmarks.__main__ import OTHERS, QUESTIONS, parse
from django_durable.models import Step, Wait, Workflow
from tests.running import COLD, worker

TIMES = 3


@pytest.mark.once
@pytest.mark.parametrize("peer", [None, "dbos"])
def test_all_cases_have_names_of_their_own(peer):
    names = [
        case.name
        for name in (*QUESTIONS, *OTHERS)
        for case in import_module(f"benchmarks.{name}").cases(quick=True, peer=peer)
    ]

    assert len(set(names)) == len(names) > 40


@pytest.mark.once
def test_a_case_that_does_not_exist_is_named(capsys):
    with pytest.raises(SystemExit):
        parse(["steps", "stepps"])

    assert "no such case: stepps" in capsys.readouterr().err


@pytest.mark.once
@pytest.mark.django_db
@pytest.mark.parametrize(("mode", "number"), [("NORMAL", 1), ("FULL", 2)])
def test_sqlite_is_measured_as_durable_as_asked(monkeypatch, tmp_path, mode, number):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/db.sqlite3")
    monkeypatch.setenv("BENCHMARK_SYNCHRONOUS", mode)
    databases = runpy.run_module("benchmarks.settings")["DATABASES"]

    measured = ConnectionHandler(databases)["default"]
    with closing(measured), measured.cursor() as cursor:
        cursor.execute("PRAGMA synchronous")
        assert cursor.fetchone() == (number,)


@pytest.mark.django_db(transaction=True)
def test_the_limit_inserts_each_row_once():
    assert bare.commits_per_second(bare.steps(6), threads=2) > 0
    assert bare.commits_per_second(bare.workflows(4)) > 0

    assert (Step.objects.count(), Workflow.objects.count()) == (6, 4)


@pytest.mark.django_db(transaction=True)
def test_rows_to_claim_are_filled_up_not_added():
    for _ in range(2):
        claims.fill(40, 20)

        assert Workflow.objects.filter(status="ENQUEUED").count() == 40
        assert Workflow.objects.filter(status="SUCCESS").count() == 20


@pytest.mark.django_db
def test_rows_are_multiplied_under_keys_of_their_own():
    Wait(workflow_id="one", step_id=1, target="timer", kind="timer").save()

    copies.multiply(Wait, 3, "copy-", "workflow_id")

    assert set(Wait.objects.values_list("workflow_id", "target")) == {
        (workflow_id, "timer") for workflow_id in ("one", "copy-1", "copy-2", "copy-3")
    }


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("measure", "definition"),
    [
        (messages.until_received, workflows.receives),
        (messages.until_received, workflows.areceives),
        (events.until_event, workflows.sets_events),
    ],
)
def test_each_time_is_measured_once(measure, definition):
    with worker():
        measured = measure(definition, TIMES)

    assert len(measured) == TIMES
    assert min(measured) > 0


@pytest.mark.django_db(transaction=True)
def test_a_result_is_waited_for_as_often_as_it_is_measured():
    with worker():
        measured = latency.until_result(workflows.in_sequence, 1, TIMES)

    assert len(measured) == TIMES
    assert min(measured) > 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("readers", [1, 2])
def test_every_reader_sees_every_value_but_the_first_ones(readers):
    with worker():
        measured = streams.until_read(
            workflows.writes_slowly, streams.WARM_UP + TIMES, readers
        )

    assert len(measured) == TIMES * readers
    assert min(measured) > 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("definition", [workflows.plays, workflows.aplays])
def test_a_round_trip_lies_between_two_arrivals(definition):
    with worker():
        measured = messages.round_trips(definition, TIMES)

    assert len(measured) == TIMES - 1
    assert min(measured) > 0


@pytest.mark.django_db(transaction=True)
def test_a_suspended_workflow_is_measured_from_the_message_on(settings):
    settings.DURABLE = COLD
    with worker():
        measured = messages.until_woken(workflows.receives, TIMES)

    assert len(measured) == TIMES
    assert min(measured) > 0
