"""What an application asks Workflow.objects."""

import datetime as dt

import pytest

from django_durable import clock
from django_durable.models import Workflow
from tests import workflows
from tests.models import Entry

pytestmark = pytest.mark.django_db

Status = Workflow.Status


@pytest.fixture
def one_of_each():
    """A workflow in every status, with the status as its id."""
    for status in Status:
        workflows.total.using(workflow_id=status.value).start(1)
        Workflow.objects.filter(pk=status.value).update(status=status)


def ids(found):
    return set(found.values_list("pk", flat=True))


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("active", {"ENQUEUED", "PENDING", "WAITING", "PAUSED"}),
        ("failed", {"ERROR", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"}),
        (
            "finished",
            {"SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"},
        ),
    ],
)
def test_workflows_are_found_by_their_state(one_of_each, method, expected):
    found = getattr(Workflow.objects, method)()

    assert ids(found) == expected
    assert {row.pk for row in Workflow.objects.all() if row in found} == expected


def test_only_what_has_an_outcome_is_finished(one_of_each):
    finished = {row.pk for row in Workflow.objects.all() if row.is_finished}

    assert finished == ids(Workflow.objects.finished())


def test_workflows_are_found_by_their_definition():
    workflows.total.using(workflow_id="a").start(1)
    workflows.book.using(workflow_id="b").start("key")

    assert ids(Workflow.objects.for_definition(workflows.total)) == {"a"}
    assert ids(Workflow.objects.for_definition(workflows.book.name)) == {"b"}


def test_workflows_are_found_by_their_subject():
    entries = [Entry.objects.create(key=key) for key in "ab"]
    for entry in entries:
        workflows.total.using(workflow_id=entry.key, subject=entry).start(1)

    assert ids(Workflow.objects.for_subject(entries[0])) == {"a"}
    assert ids(Workflow.objects.active().for_subject(entries[1])) == {"b"}


def test_workflows_are_found_by_their_age():
    for name, days in [("old", 3), ("young", 1)]:
        workflows.total.using(workflow_id=name).start(1)
        created_at = clock.now() - dt.timedelta(days=days)
        Workflow.objects.filter(pk=name).update(created_at=created_at)

    assert ids(Workflow.objects.older_than(dt.timedelta(days=2))) == {"old"}


def test_a_queryset_cancels_what_it_holds(one_of_each):
    some = Workflow.objects.filter(pk__in=["ENQUEUED", "SUCCESS"])

    assert some.cancel(reason="all") == 1

    statuses = dict(Workflow.objects.values_list("pk", "status"))
    assert statuses["ENQUEUED"] == Status.CANCELLED
    assert statuses["SUCCESS"] == Status.SUCCESS
    assert statuses["WAITING"] == Status.WAITING
    assert Workflow.objects.get(pk="ENQUEUED").cancel_reason == "all"


def test_a_queryset_resumes_what_it_holds(one_of_each):
    some = Workflow.objects.filter(pk__in=["CANCELLED", "PAUSED", "ERROR"])

    assert some.resume() == 2

    statuses = dict(Workflow.objects.values_list("pk", "status"))
    assert statuses["CANCELLED"] == Status.ENQUEUED
    assert statuses["PAUSED"] == Status.ENQUEUED
    assert statuses["ERROR"] == Status.ERROR


@pytest.mark.parametrize("action", ["cancel", "resume"])
def test_everything_is_cancelled_or_resumed_by_name_only(action):
    assert not hasattr(Workflow.objects, action)
    assert hasattr(Workflow.objects.all(), action)
