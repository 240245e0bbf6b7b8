"""Deleting takes what has ended, with all that belongs to it, and nothing else."""

from datetime import timedelta

import pytest
from django.db.models.signals import post_delete

import django_durable as durable
from django_durable import clock
from django_durable.exceptions import InvalidTransition, WorkflowNotFound
from django_durable.models import (
    Attempt,
    Workflow,
)
from django_durable.models.bulk import BulkQuerySet
from django_durable.testing import run_until_idle
from tests.belongings import OWNED, owner_of
from tests.operations import workflows
from tests.running import in_loop

pytestmark = pytest.mark.django_db

Status = Workflow.Status


def talk(pk):
    workflows.publishes.using(workflow_id=pk).start()
    run_until_idle()
    durable.send(pk, "go", "go")
    durable.send(pk, "unread", "other")
    run_until_idle()


def rows_of(pk):
    found = {}
    for model in OWNED:
        found[model.__name__] = model.objects.filter(**{owner_of(model): pk}).count()
    return found


def test_a_workflow_goes_with_all_that_belongs_to_it():
    talk("gone")
    talk("kept")
    workflows.retries.using(workflow_id="retried").start()
    run_until_idle()
    kept = rows_of("kept")

    deleted, by_model = Workflow.objects.get(pk="gone").delete()

    assert by_model["django_durable.Workflow"] == 1
    assert by_model["django_durable.Notification"] == 2
    assert deleted == sum(by_model.values()) > 15
    assert set(rows_of("gone").values()) == {0}
    assert rows_of("kept") == kept
    assert durable.delete_workflow("retried") == 1
    assert not Attempt.objects.exists()


def test_finished_children_go_along_and_active_ones_stay():
    workflows.parent_of.using(workflow_id="top").start(3)
    run_until_idle()
    Workflow.objects.filter(pk="top/2").update(status=Status.WAITING)

    assert durable.delete_workflow("top") == 3

    assert list(Workflow.objects.values_list("pk", flat=True)) == ["top/2"]


def test_below_an_active_child_everything_stays():
    workflows.parent_of.using(workflow_id="top").start(1)
    run_until_idle()
    Workflow.objects.filter(pk="top/1").update(status=Status.PAUSED)
    Workflow.objects.filter(pk="top").restart(queue_name="x")
    Workflow.objects.filter(forked_from="top").update(
        parent_id="top/1", status=Status.SUCCESS
    )

    durable.delete_workflow("top")

    assert Workflow.objects.count() == 2


def test_a_child_that_its_parent_may_still_ask_for_stays():
    workflows.parent_of.using(workflow_id="top").start(1)
    run_until_idle()
    Workflow.objects.filter(pk="top").update(status=Status.WAITING)

    with pytest.raises(InvalidTransition, match="'top' has not ended"):
        durable.delete_workflow("top/1")
    assert Workflow.objects.filter(pk="top/1").delete() == (0, {})

    Workflow.objects.filter(pk="top").update(status=Status.SUCCESS)
    assert durable.delete_workflow("top/1") == 1


def test_a_child_that_a_fork_of_its_parent_may_ask_for_stays():
    workflows.family.using(workflow_id="top").start()
    run_until_idle()
    Workflow.objects.get(pk="top").fork(2, workflow_id="first").fork(
        2, workflow_id="second"
    )
    Workflow.objects.filter(pk="first").update(status=Status.SUCCESS)

    assert durable.delete_workflow("first") == 1
    with pytest.raises(InvalidTransition, match="'second' has not ended"):
        durable.delete_workflow("top/1")
    assert durable.delete_workflow("top") == 2  # With the child that was called.
    assert Workflow.objects.prune(older_than=0) == 0
    run_until_idle()

    assert durable.retrieve_workflow("second").get_result()[1] == "started1"
    assert durable.delete_workflow("top/1") == 1


def test_a_child_of_a_parent_that_is_gone_can_go():
    workflows.parent_of.using(workflow_id="top").start(1)
    run_until_idle()
    Workflow.objects.filter(pk="top/1").update(parent_id="long gone")

    assert durable.delete_workflow("top/1") == 1


def test_a_queryset_deletes_what_has_ended_and_passes_over_the_rest():
    for status in Status:
        workflows.letters.using(workflow_id=status.value).start()
        Workflow.objects.filter(pk=status.value).update(status=status)
    ended = Workflow.objects.finished().count()

    deleted, by_model = Workflow.objects.all().delete()

    assert deleted == by_model["django_durable.Workflow"] == ended == 4
    assert Workflow.objects.active().count() == Workflow.objects.count() == 4


def test_a_queryset_deletes_in_batches(monkeypatch):
    for number in range(7):
        workflows.letters.using(workflow_id=f"w{number}").start()
    Workflow.objects.update(status=Status.SUCCESS)
    monkeypatch.setattr("django_durable.models.bulk.BATCH", 3)
    sizes = []
    whole = BulkQuerySet.delete_some
    monkeypatch.setattr(
        BulkQuerySet,
        "delete_some",
        lambda self, ids: sizes.append(len(ids)) or whole(self, ids),
    )

    assert Workflow.objects.all().delete()[0] == 7
    assert sizes == [3, 3, 1]


def test_a_slice_can_be_deleted():
    for number in range(3):
        workflows.letters.using(workflow_id=f"w{number}").start()
    Workflow.objects.update(status=Status.SUCCESS)

    assert Workflow.objects.order_by("-pk")[:2].delete()[0] == 2
    assert Workflow.objects.get().pk == "w0"


def test_what_other_apps_hear_of_deletions_they_still_hear():
    workflows.letters.using(workflow_id="w").start()
    Workflow.objects.update(status=Status.SUCCESS)
    heard = []

    def hear(instance, **kwargs):
        heard.append(instance.pk)

    post_delete.connect(hear, sender=Workflow)
    try:
        Workflow.objects.all().delete()
    finally:
        post_delete.disconnect(hear, sender=Workflow)

    assert heard == ["w"]


def test_everything_is_changed_by_name_only():
    for name in ("cancel", "resume", "restart", "fork", "delete"):
        assert not hasattr(Workflow.objects, name)
        assert getattr(Workflow.objects.all(), name).alters_data


def test_async_code_deletes_too():
    workflows.letters.using(workflow_id="w").start()
    Workflow.objects.update(status=Status.SUCCESS)

    assert in_loop(durable.adelete_workflow, "w") == 1
    with pytest.raises(WorkflowNotFound):
        in_loop(durable.adelete_workflow, "w")


@pytest.mark.django_db(transaction=True)
def test_a_cancelled_one_that_still_runs_records_nothing_more(monkeypatch):
    workflows.parent_of.using(workflow_id="top").start(1)
    Workflow.objects.update(status=Status.CANCELLED, claim=1)
    Workflow.objects.filter(pk="top").update(status=Status.CANCELLED)
    claims = []
    whole = BulkQuerySet._delete_rows
    monkeypatch.setattr(
        BulkQuerySet,
        "_delete_rows",
        lambda self, ids: (
            claims.extend(self.filter(pk__in=ids).values_list("claim", flat=True))
            or whole(self, ids)
        ),
    )

    durable.delete_workflow("top")

    assert claims == [2]


class ReplicaRouter:
    """Reads from elsewhere; what is changed must be looked for where it is written."""

    def db_for_read(self, model, **hints):
        return "replica"

    def db_for_write(self, model, **hints):
        return "default"


@pytest.mark.once
@pytest.mark.parametrize("operation", ["resume", "restart", "delete", "prune"])
def test_many_are_looked_for_where_they_are_changed(settings, operation):
    workflows.letters.using(workflow_id="w").start()
    long_ago = clock.now() - timedelta(days=1)
    Workflow.objects.update(status=Status.CANCELLED, completed_at=long_ago)
    settings.DATABASE_ROUTERS = [ReplicaRouter()]
    arguments = {"older_than": 1} if operation == "prune" else {}

    took = getattr(Workflow.objects.all(), operation)(**arguments)

    expected = (1, {"django_durable.Workflow": 1}) if operation == "delete" else 1
    assert took == expected
