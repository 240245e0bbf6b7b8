"""A database that goes away under a step is not the step's failure."""

from contextlib import closing, suppress

import pytest
from django.db import DatabaseError, connections

import django_durable as durable
from django_durable import models
from django_durable.execution import steps
from django_durable.models import Attempt, Step, Workflow
from tests.models import Entry
from tests.running import (
    COLD,
    result_of,
    row_of,
    steps_of,
    wait_for_status,
    worker,
)
from tests.workflows import calls

pytestmark = pytest.mark.django_db(transaction=True)

connection = connections["default"]
has_server = connection.features.has_select_for_update
needs_server = pytest.mark.skipif(
    not has_server, reason="A database that is a file has no connections to lose."
)
Status = Workflow.Status
ENDED = (Status.SUCCESS, Status.ERROR, Status.PAUSED)

# How often the database still misbehaves.
faults = {"left": 0}


@pytest.fixture(autouse=True)
def few_losses(monkeypatch):
    """Let tests not wait for long."""
    monkeypatch.setattr(steps, "MOST_LOSSES", 2)


def execute(statement):
    with connections["default"].cursor() as cursor:
        cursor.execute(statement)


def meet_missing_table():
    execute("INSERT INTO missing_table VALUES (1)")


def meet_read_only_database():
    if has_server:
        execute("SET LOCAL transaction_read_only = on")
        Entry.objects.create(key="refused")
    execute("PRAGMA query_only = on")
    try:
        Entry.objects.create(key="refused")
    finally:  # Django refuses statements after the failed one.
        connections["default"].connection.execute("PRAGMA query_only = off")


def lose_connection():
    execute("SELECT pg_terminate_backend(pg_backend_pid())")


def meet_conflict():
    if has_server:
        execute("DO $$ BEGIN RAISE EXCEPTION 'met' USING ERRCODE = '40P01'; END $$")
    with closing(connections["default"].copy()) as other:
        with other.cursor() as cursor:
            cursor.execute("BEGIN IMMEDIATE")
        execute("PRAGMA busy_timeout = 0")
        try:
            Entry.objects.create(key="locked out")
        finally:
            execute("PRAGMA busy_timeout = 20000")


def ask_in_vain():
    if has_server:
        execute("DO $$ BEGIN RAISE EXCEPTION 'met' USING ERRCODE = '55P03'; END $$")


FAULTS = {
    "missing": meet_missing_table,
    "read-only": meet_read_only_database,
    "lost": lose_connection,
    "conflict": meet_conflict,
    "nowait": ask_in_vain,
}


def meet(fault):
    calls.append(fault)
    if faults["left"]:
        faults["left"] -= 1
        FAULTS[fault]()


@durable.transaction
def enter_when_possible(fault):
    meet(fault)
    return Entry.objects.create(key="entered").key


@durable.step
def ask_when_possible(fault):
    meet(fault)
    return "asked"


@durable.workflow
def entering(fault):
    return enter_when_possible(fault)


@durable.workflow
def asking(fault):
    return ask_when_possible(fault)


@durable.step
def swallow_a_loss():
    with suppress(DatabaseError):
        lose_connection()
    return "went on"


@durable.workflow
def swallowing_in_a_step():
    return swallow_a_loss()


@durable.workflow
def swallowing_in_the_body():
    with suppress(DatabaseError):
        lose_connection()
    return "went on"


@pytest.mark.parametrize(
    ("fault", "said"), [("missing", "missing_table"), ("read-only", "read")]
)
def test_a_transaction_that_cannot_write_pauses_the_workflow_with_the_reason(
    fault, said
):
    faults["left"] = 1000

    with worker():
        handle = entering.start(fault)
        row = wait_for_status(handle, *ENDED)

    assert row.status == Status.PAUSED
    assert said in row.pause_reason
    assert calls == [fault] * 3
    assert not Step.objects.exists()
    assert not Entry.objects.exists()


def test_a_workflow_paused_by_the_database_goes_on_when_resumed():
    faults["left"] = 3

    with worker():
        handle = entering.start("missing")
        wait_for_status(handle, *ENDED)
        durable.resume_workflow(handle.workflow_id)

        assert result_of(handle) == "entered"

    assert Entry.objects.count() == 1


def test_a_transaction_that_cannot_write_pauses_also_where_every_wait_suspends(
    settings,
):
    settings.DURABLE = COLD
    faults["left"] = 1000

    with worker():
        handle = entering.start("missing")
        row = wait_for_status(handle, Status.PAUSED)

    assert "missing_table" in row.pause_reason
    assert (calls, row.claim) == (["missing"] * 3, 1)


@pytest.mark.parametrize("fault", ["missing", "read-only"])
def test_a_transaction_is_executed_again_uncounted_until_it_can_write(fault):
    faults["left"] = 2

    with worker():
        handle = entering.start(fault)
        assert result_of(handle) == "entered"

    assert calls == [fault] * 3
    assert Entry.objects.count() == 1
    assert not Attempt.objects.exists()


@needs_server
@pytest.mark.parametrize("definition", [asking, entering])
def test_a_step_whose_connection_breaks_is_executed_again_uncounted(definition):
    faults["left"] = 2

    with worker():
        handle = definition.start("lost")
        assert result_of(handle) in ("asked", "entered")

    assert calls == ["lost"] * 3
    assert len(steps_of(handle)) == 1
    assert row_of(handle).claim == 1
    assert not Attempt.objects.exists()


@needs_server
@pytest.mark.parametrize(
    "definition", [swallowing_in_a_step, swallowing_in_the_body], ids=["step", "body"]
)
def test_a_broken_connection_is_no_transaction_left_open(definition):
    with worker():
        assert result_of(definition.start()) == "went on"


@needs_server
def test_a_transaction_that_meets_conflicts_without_end_pauses_the_workflow(
    monkeypatch,
):
    monkeypatch.setattr(models.faults, "MAX_CONFLICTS", 1)
    faults["left"] = 1000

    with worker():
        handle = entering.start("conflict")
        row = wait_for_status(handle, *ENDED)

    assert row.status == Status.PAUSED
    assert calls == ["conflict"] * 2 * 3
    assert not Step.objects.exists()


def test_an_ordinary_step_that_meets_a_conflict_is_executed_again_uncounted():
    faults["left"] = 2

    with worker():
        handle = asking.start("conflict")
        assert result_of(handle) == "asked"

    assert calls == ["conflict"] * 3
    assert not Attempt.objects.exists()


@needs_server
def test_a_lock_that_a_step_does_not_wait_for_is_its_own_affair():
    faults["left"] = 1000

    with worker():
        row = wait_for_status(asking.start("nowait"), *ENDED)

    assert row.status == Status.ERROR
    assert calls == ["nowait"]


@needs_server
def test_an_ordinary_step_whose_connection_always_breaks_fails():
    faults["left"] = 1000

    with worker():
        handle = asking.start("lost")
        row = wait_for_status(handle, *ENDED)

    assert row.status == Status.ERROR
    assert calls == ["lost"] * 3


def test_an_ordinary_step_that_misses_a_table_fails_at_once():
    faults["left"] = 1000

    with worker():
        handle = asking.start("missing")
        row = wait_for_status(handle, *ENDED)

    assert (row.status, calls) == (Status.ERROR, ["missing"])
    assert "missing_table" in row.error
