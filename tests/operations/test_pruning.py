"""Retention: what ended long ago goes, in batches, and nothing else."""

from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, transaction
from django.db.models import ProtectedError
from django.db.models.signals import pre_delete

import django_durable as durable
from django_durable import clock, conf
from django_durable.models import Notification, Workflow, deletion
from django_durable.worker import pruning
from django_durable.worker.housekeeping import Housekeeping
from django_durable.worker.pruning import Pruning
from tests.interleaving import elsewhere, needs_row_locks
from tests.models import Receipt
from tests.running import in_loop

pytestmark = pytest.mark.django_db

Status = Workflow.Status
ENDED = {"SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"}
DAY = timedelta(days=1)


def row(pk, status, days, **fields):
    """Return a workflow that came to its status some days ago."""
    at = clock.now() - days * DAY
    ended = at if status in ENDED else None
    fields |= {"status": status, "completed_at": ended, "name": "x", "version": "1"}
    fields |= {"changed_at": at, "run_after": at, "created_at": at - 20 * DAY}
    return Workflow(id=pk, inputs="json:[{}]", **fields)


def make(*args, **fields):
    """Store a workflow that came to its status some days ago."""
    row(*args, **fields).save()


@pytest.fixture
def one_of_each():
    """One that is ten days old and one of today, of every status."""
    old = [row(f"{status} old", status, 10) for status in Status]
    new = [row(f"{status} new", status, 0.01) for status in Status]
    Workflow.objects.bulk_create(old + new)


def left():
    return set(Workflow.objects.values_list("pk", flat=True))


def everything():
    return {f"{status} {age}" for status in Status for age in ("old", "new")}


def test_what_ended_long_ago_goes(one_of_each):
    assert durable.prune_workflows(older_than=5 * DAY) == 3

    gone = {"SUCCESS old", "ERROR old", "CANCELLED old"}
    assert left() == everything() - gone


@pytest.mark.parametrize("status", sorted(ENDED))
def test_one_status_is_pruned_by_name(one_of_each, status):
    assert Workflow.objects.prune(older_than=5 * DAY, statuses=[status]) == 1

    assert left() == everything() - {f"{status} old"}


def test_everything_that_has_ended_can_be_pruned(one_of_each):
    make("child", "SUCCESS", 1, parent_id="SUCCESS old")

    assert Workflow.objects.prune(older_than=0, statuses=ENDED) == 9

    assert not Workflow.objects.finished().exists()
    assert Workflow.objects.count() == 8


def test_no_age_prunes_what_the_settings_say(one_of_each, settings):
    settings.DURABLE = {"RETENTION": {"ERROR": 5 * DAY, "SUCCESS": 20 * DAY}}

    assert durable.prune_workflows() == 1
    assert durable.prune_workflows(statuses=["SUCCESS"]) == 0
    assert left() == everything() - {"ERROR old"}


def test_an_age_must_be_known():
    with pytest.raises(ImproperlyConfigured, match="RETENTION"):
        durable.prune_workflows()


@pytest.mark.once
@pytest.mark.parametrize("age", [-1, "5", True, float("nan")])
def test_an_age_is_a_length_of_time(one_of_each, age):
    with pytest.raises((TypeError, ValueError)):
        durable.prune_workflows(older_than=age)

    assert left() == everything()


@pytest.mark.once
@pytest.mark.parametrize("status", ["PENDING", "ENQUEUED", "PAUSED", "WAITING", "x"])
def test_only_what_has_ended_is_pruned(one_of_each, status):
    with pytest.raises(ValueError, match=status):
        durable.prune_workflows(older_than=0, statuses=["SUCCESS", status])

    assert left() == everything()


def test_a_limit_is_kept(monkeypatch):
    monkeypatch.setattr(deletion, "BATCH", 2)
    for number in range(5):
        make(f"w{number}", "SUCCESS", 10 - number)

    assert durable.prune_workflows(older_than=DAY, limit=3) == 3
    assert left() == {"w3", "w4"}
    assert durable.prune_workflows(older_than=DAY, limit=0) == 0


@pytest.mark.parametrize("size", [1, 2, 3, 10])
@pytest.mark.parametrize("look", [1, 2, 1000])
def test_batches_pass_over_what_stays(monkeypatch, size, look):
    monkeypatch.setattr(deletion, "BATCH", size)
    monkeypatch.setattr(deletion, "LOOK", look)
    make("parent", "WAITING", 10)
    for number in range(6):
        parent = "parent" if number % 2 else None
        make(f"w{number}", "SUCCESS", 10, parent_id=parent)
    moment = Workflow.objects.get(pk="w0").completed_at
    Workflow.objects.filter(pk__in=["w0", "w1", "w2", "w3"]).update(completed_at=moment)

    assert durable.prune_workflows(older_than=DAY) == 3
    assert left() == {"parent", "w1", "w3", "w5"}


def test_a_queryset_is_pruned_within_itself(one_of_each):
    mine = Workflow.objects.filter(pk__startswith="E")

    assert mine.prune(older_than=5 * DAY) == 1
    assert left() == everything() - {"ERROR old"}


def test_each_goes_by_its_own_age(one_of_each):
    make("child", "SUCCESS", 1, parent_id="SUCCESS old")

    durable.prune_workflows(older_than=5 * DAY)

    assert "child" in left()


def test_what_another_app_protects_stays_and_holds_up_nothing(one_of_each):
    def protect(instance, **kwargs):
        if instance.pk == "ERROR old":
            raise ProtectedError("An invoice names it.", {instance})

    pre_delete.connect(protect, sender=Workflow)
    try:
        make("older", "ERROR", 20)
        make("younger", "ERROR", 6)
        assert durable.prune_workflows(older_than=5 * DAY, statuses=["ERROR"]) == 2
    finally:
        pre_delete.disconnect(protect, sender=Workflow)

    assert left() == everything()


@pytest.mark.django_db(transaction=True)
def test_what_only_the_database_protects_stays_and_holds_up_nothing(one_of_each):
    Receipt.objects.create(workflow_id="ERROR old")
    make("younger", "ERROR", 6)

    assert durable.prune_workflows(older_than=5 * DAY, statuses=["ERROR"]) == 1

    assert left() == everything()


def test_async_code_prunes_too(one_of_each):
    assert in_loop(durable.aprune_workflows, older_than=5 * DAY, limit=2) == 2


def test_a_worker_prunes_what_the_settings_say(one_of_each, settings, monkeypatch):
    monkeypatch.setattr(pruning, "SECONDS", 60)  # However busy the machine is.
    settings.DURABLE = {"RETENTION": 5 * DAY, "SWEEP": 0.0001}

    Housekeeping("default").tidy()

    assert left() == everything() - {"SUCCESS old", "ERROR old", "CANCELLED old"}


def test_a_worker_without_a_retention_prunes_nothing(one_of_each, settings):
    settings.DURABLE = {"SWEEP": 0.0001}

    Housekeeping("default").tidy()

    assert left() == everything()


def test_a_worker_prunes_a_little_at_a_time(monkeypatch, settings):
    settings.DURABLE = {"RETENTION": DAY}
    monkeypatch.setattr(pruning, "BATCH", 2)
    for number in range(5):
        make(f"w{number}", "SUCCESS", 10 - number)
    moments = iter(range(1000))
    monkeypatch.setattr(clock, "monotonic", lambda: next(moments) / 10)
    work = Pruning("default")

    work.begin()
    turns = [work.go_on() for _ in range(9)]

    assert sum(turns) == 5
    assert len([turn for turn in turns if turn]) > 1
    work.begin()
    assert work.go_on() == 0


def test_a_worker_begins_anew_only_after_a_pause(monkeypatch, settings):
    settings.DURABLE = {"RETENTION": DAY}
    moments = [1000.0]
    monkeypatch.setattr(clock, "monotonic", lambda: moments[-1])
    work = Pruning("default")
    work.begin()
    make("w1", "SUCCESS", 10)
    assert work.go_on() == 1
    make("w2", "SUCCESS", 10)

    moments.append(moments[-1] + pruning.PAUSE_SECONDS - 1)
    work.begin()
    early = work.go_on()
    moments.append(moments[-1] + 1)
    work.begin()

    assert (early, work.go_on(), left()) == (0, 1, set())


def test_what_active_ones_may_ask_for_takes_no_place_in_a_batch():
    make("parent", "WAITING", 10)
    for number in range(5):
        make(f"w{number}", "SUCCESS", 20, parent_id="parent")
    make("x", "SUCCESS", 10)

    deleted, position = Workflow.objects.prune_some("SUCCESS", clock.now(), None, 1)

    assert (deleted, position.workflow_id) == (1, "x")


def test_workflows_are_counted_and_not_what_belongs_to_them():
    make("w", "SUCCESS", 10)
    for _ in range(3):
        durable.send("w", "late")

    assert durable.prune_workflows(older_than=DAY) == 1
    assert not Notification.objects.exists()


def test_one_look_passes_over_so_many_that_stay(monkeypatch):
    monkeypatch.setattr(deletion, "LOOK", 3)
    make("parent", "WAITING", 10)
    for number in range(4):
        make(f"child{number}", "SUCCESS", 10 - number, parent_id="parent")
    make("free", "SUCCESS", 5)
    yesterday = clock.now() - DAY

    deleted, position = Workflow.objects.prune_some("SUCCESS", yesterday)
    assert (deleted, position.workflow_id) == (0, "child2")

    assert Workflow.objects.prune_some("SUCCESS", yesterday, position) == (1, None)


def test_a_worker_goes_on_where_the_database_has_failed_it(monkeypatch, settings):
    settings.DURABLE = {"RETENTION": DAY}
    make("old", "SUCCESS", 10)
    work = Pruning("default")
    work.begin()
    with monkeypatch.context() as patch:
        patch.setattr(deletion.DeletionQuerySet, "_begin", lost)
        with pytest.raises(OperationalError):
            work.go_on()

    assert work.go_on() == 1


def lost(rows):
    raise OperationalError("The connection is gone.")


@pytest.mark.once
@pytest.mark.parametrize(
    ("retention", "ages"),
    [
        (60, {"SUCCESS": 60.0, "ERROR": 60.0, "CANCELLED": 60.0}),
        (DAY, {"SUCCESS": 86400.0, "ERROR": 86400.0, "CANCELLED": 86400.0}),
        ({"ERROR": DAY}, {"ERROR": 86400.0}),
        ({"MAX_RECOVERY_ATTEMPTS_EXCEEDED": 5}, {"MAX_RECOVERY_ATTEMPTS_EXCEEDED": 5}),
        ({Status.ERROR: 5}, {"ERROR": 5.0}),
        (None, None),
    ],
)
def test_a_retention_is_an_age_or_ages_by_status(settings, retention, ages):
    settings.DURABLE = {"RETENTION": retention}

    assert conf.current().retention == ages


@pytest.mark.once
@pytest.mark.parametrize(
    "retention",
    [{}, {"PENDING": 5}, {"ERROR": None}, {"ERROR": 0}, {5: 5}, [5], "5"],
)
def test_a_retention_that_cannot_be_is_a_problem(retention):
    (problem,) = conf.problems({"RETENTION": retention})

    assert problem.key == "RETENTION"


@pytest.mark.django_db(transaction=True)
def test_what_somebody_holds_is_left_to_him():
    needs_row_locks()
    make("held", "SUCCESS", 10)
    make("free", "SUCCESS", 10)

    with transaction.atomic():
        Workflow.objects.filter(pk="held").update(summary="held")
        assert elsewhere(lambda: durable.prune_workflows(older_than=DAY)) == 1
        assert left() == {"held"}

    assert durable.prune_workflows(older_than=DAY) == 1
    assert left() == set()
