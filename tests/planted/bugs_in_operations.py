"""Bugs in what operators do to workflows."""

from contextlib import nullcontext

from django_durable.exceptions import WorkflowNotFound
from django_durable.models import copies, forks
from django_durable.models.bulk import BulkQuerySet
from django_durable.models.deletion import DeletionQuerySet
from django_durable.models.forks import ForkQuerySet
from django_durable.models.status import TERMINAL
from tests.planted.planting import bug


class NoTransaction:
    """Stands in for django.db.transaction."""

    @staticmethod
    def atomic(using):
        return nullcontext()


# Forks.


@bug(forks, "transaction")
def fork_without_a_transaction(real):
    """Commit the copy before it has its steps."""
    return NoTransaction


@bug(ForkQuerySet, "_kept_there")
def fork_of_what_is_being_deleted(real):
    """Lock nothing: what is copied may be gone in the middle."""

    def kept_there(self, pk):
        if (origin := self.filter(pk=pk).first()) is None:
            raise WorkflowNotFound(pk)
        return origin

    return kept_there


@bug(ForkQuerySet, "_go_on_counting")
def fork_that_reads_no_journal(real):
    """Give a fork the claim of a new workflow, whose steps nobody looks for."""
    return lambda self, row: None


@bug(copies, "_EVENTS")
def fork_with_the_latest_events(real):
    """Copy the values of today instead of those of that time."""
    return """
        INSERT INTO {events} (workflow_id, key, value, updated_at)
        SELECT CAST(%s AS text), key, value, updated_at
        FROM {events} WHERE workflow_id = 'w'"""


@bug(copies, "_STEPS")
def fork_that_keeps_all_branches(real):
    """Cut the branch of the step only."""
    return real.replace("f.step_id IS NULL", "true")


@bug(ForkQuerySet, "_assure_recorded")
def fork_from_anywhere(real):
    """Ask for no step to be recorded."""
    return lambda self, origin, cut: None


# Deletions.


@bug(DeletionQuerySet, "_locked")
def deletion_without_a_guard(real):
    """Delete whatever the status is."""

    def locked(self, rows, **how):
        return list(rows.order_by("pk").values_list("pk", flat=True))

    return locked


@bug(DeletionQuerySet, "_locked")
def deletion_that_looks_without_a_lock(real):
    """Believe a status that may change before the deletion."""

    def locked(self, rows, **how):
        ended = rows.filter(status__in=TERMINAL).order_by("pk")
        return list(ended.values_list("pk", flat=True))

    return locked


@bug(DeletionQuerySet, "delete_some")
def deletion_in_two_transactions(real):
    """Delete the workflow, and then its steps, perhaps."""

    def delete_some(self, ids):
        steps = self.model._meta.get_field("steps").related_model
        kept = list(steps.objects.filter(workflow__in=ids))
        deleted = real(self, ids)
        steps.objects.bulk_create(kept)  # As if they had not been deleted yet.
        steps.objects.filter(workflow__in=ids).delete()
        return deleted

    return delete_some


@bug(DeletionQuerySet, "_lock")
def deletion_of_what_a_parent_asks_for(real):
    """Take children away from parents that go on."""
    return lambda self, ids, **how: self._lock_rows(ids, **how)


@bug(DeletionQuerySet, "_free")
def deletion_of_what_a_copy_asks_for(real):
    """Think of parents only, not of their forks."""
    return lambda self, ids: ids


@bug(DeletionQuerySet, "_fence")
def deletion_behind_the_back_of_an_execution(real):
    """Let a step that still runs record itself for a workflow that is gone."""
    return lambda self, ids: None


@bug(DeletionQuerySet, "_ended_before")
def pruning_by_the_start(real):
    """Take the age since the start for the age since the end."""

    def ended_before(self, status, before, position):
        rows = self.filter(status=status, created_at__lt=before)
        return rows.order_by("completed_at", "pk")

    return ended_before


# Many at once.


@bug(BulkQuerySet, "_in_batches")
def first_batch_only(real):
    """Forget what does not fit into one look."""

    def in_batches(self):
        yield next(real(self), [])

    return in_batches


@bug(BulkQuerySet, "_in_batches")
def copies_of_copies(real):
    """Meet again what came out of this very call."""

    def in_batches(self):
        last = ""
        rows = self.order_by("pk").values_list("pk", flat=True)
        for _ in range(10):  # It would never end.
            ids = list(rows.filter(pk__gt=last)[:2])
            yield ids
            last = ids[-1] if ids else last

    return in_batches
