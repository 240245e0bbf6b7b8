"""The crash tests can fail: each of these bugs is found."""

import pytest
from django.db import connections

from django_durable.execution.journal import Journal
from django_durable.models import Step, Wait, Workflow, outcome
from tests.crash.experiment import (
    Laboratory,
    judge,
    judge_cancellation,
    judge_reference,
)
from tests.crash.programs import CANCELLATIONS, PROGRAMS, Program


def named(name: str) -> Program:
    return next(each for each in PROGRAMS + CANCELLATIONS if each.name == name)


def faults(laboratory: Laboratory, program: Program) -> list[str]:
    reference = laboratory.run(program)
    runs = laboratory.each_crash(program)
    return [fault for run in runs for fault in judge(program, run, reference)]


def test_a_checkpoint_outside_of_the_transaction_is_found(
    laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch
):
    rows = type(Step.objects.all())
    record_held = rows.record_held

    def record_afterwards(self, checkpoint):
        connection = connections[self.db]
        connection._commit()
        if connection.vendor == "sqlite":  # The others begin by themselves.
            connection._start_transaction_under_autocommit()
        return record_held(self, checkpoint)

    monkeypatch.setattr(rows, "record_held", record_afterwards)

    found = faults(laboratory, named("transaction"))

    assert any("business rows are {'one': 2" in fault for fault in found)


def test_an_outcome_without_a_guard_is_found(
    laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch
):
    def store_anyhow(connection, rows):
        for row in rows:
            Workflow.objects.filter(pk=row.workflow_id).update(
                status=row.status, output=row.output, error=row.error
            )
        return {row.workflow_id for row in rows}

    monkeypatch.setattr(outcome, "store", store_anyhow)

    run = laboratory.run(named("cancel before the outcome"))

    assert any("after the cancellation" in fault for fault in judge_cancellation(run))


def test_a_step_that_is_called_again_after_its_checkpoint_is_found(
    laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Journal, "load", lambda using, workflow_id: Journal())

    found = faults(laboratory, named("step"))

    assert any("although w/1 is recorded" in fault for fault in found)


def test_work_that_nobody_recovers_is_found(
    laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch
):
    rows = type(Workflow.objects.all())
    monkeypatch.setattr(rows, "requeue_abandoned", lambda self: [])

    found = faults(laboratory, named("child called"))

    assert any("PENDING" in fault for fault in found)


def test_a_lost_wake_up_is_found(
    laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Wait.objects._queryset_class, "wake", lambda rows, targets: 0)
    program = named("child started")

    run = laboratory.run(program)

    assert any("left to the sweep" in fault for fault in judge_reference(program, run))
