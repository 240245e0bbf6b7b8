"""Races of a pruner with what happens between its choice and its deletion."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connections

import django_durable as durable
from django_durable import clock
from django_durable.exceptions import WorkflowNotFound
from django_durable.models import Notification, Step, Workflow
from django_durable.models.forks import ForkOptions
from django_durable.wakeup import hub
from tests.crash.crasher import USING
from tests.emptying import empty
from tests.interleaving import meetings
from tests.racing import writing

pytestmark = pytest.mark.django_db(transaction=True)

Status = Workflow.Status
LONG_AGO = timedelta(days=9)


@pytest.fixture(autouse=True)
def no_hints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out hints: they do not matter here."""
    monkeypatch.setattr(hub, "_make_source", lambda hub: None)


def stored(pk: str, ended: timedelta = LONG_AGO, **fields: Any) -> Workflow:
    """Store one that ended some time ago, with a step that started another."""
    at = clock.now() - ended
    times = ("run_after", "created_at", "changed_at", "completed_at")
    given = {"status": Status.CANCELLED, "claim": 1, "inputs": "json:[{}]"}
    given |= {"name": writing.name, "version": "1", **dict.fromkeys(times, at)}
    return Workflow.objects.create(id=pk, **given, **fields)


def clean() -> None:
    empty(connections[USING], (Notification, Step, Workflow))


def prune() -> int:
    return Workflow.objects.prune(older_than=timedelta(days=1), statuses=["CANCELLED"])


def is_there(pk: str) -> bool:
    return Workflow.objects.filter(pk=pk).exists()


def test_what_has_ended_once_more_since_it_was_chosen_stays():
    def ended_long_ago():
        clean()
        stored("w")

    def resume_and_end():
        try:
            Workflow.objects.resume_one("w")
        except WorkflowNotFound:
            return False
        Workflow.objects.cancel_one("w")
        return True

    for met in meetings(ended_long_ago, prune, resume_and_end):
        assert is_there("w") == met.there, met.point
        assert met.here == (not met.there), met.point


def test_a_child_that_a_copy_has_asked_for_since_it_was_chosen_stays():
    def parent_with_an_old_child():
        clean()
        stored("top", ended=timedelta(0))
        stored("child", parent_id="top")
        now = clock.now()
        place = {"workflow_id": "top", "step_id": 1, "kind": "start", "claim": 1}
        times = {"started_at": now, "completed_at": now}
        Step.objects.create(name="a", child_id="child", **place, **times)

    def fork():
        Workflow.objects.fork_one("top", 2, options=ForkOptions("copy"))
        return is_there("child")

    for met in meetings(parent_with_an_old_child, prune, fork):
        assert is_there("child") == met.there, met.point
        assert met.here == (not met.there), met.point


def test_a_message_to_what_is_being_deleted_is_refused_or_goes_with_it():
    def ended_long_ago():
        clean()
        stored("w")

    def send():
        try:
            durable.send("w", "late")
        except WorkflowNotFound:
            return False
        return True

    for met in meetings(ended_long_ago, prune, send):
        assert met.here == 1, met.point
        assert not Notification.objects.exists(), met.point
