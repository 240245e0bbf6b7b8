"""Bugs in what others do to a row: recovery, cancellation, wake-ups, leases."""

from django.db.models import Count, F

from django_durable.models import recovery, transitions
from django_durable.models.recovery import RecoveryQuerySet
from django_durable.models.status import ACTIVE, Status
from django_durable.models.transitions import TransitionQuerySet
from django_durable.models.wait import WaitQuerySet
from django_durable.models.worker import WorkerQuerySet
from tests.planted.planting import bug

# Recovery.


@bug(RecoveryQuerySet, "requeue_abandoned")
def nobody_recovers(real):
    """Leave to the dead what they held."""
    return lambda self: []


@bug(RecoveryQuerySet, "requeue_abandoned")
def recovery_that_looks_first_and_takes_later(real):
    """Recover what was abandoned a moment ago, whoever has it now."""

    def requeue(self):
        abandoned = self.abandoned().annotate(recorded=Count("steps"))
        return self._recover(list(abandoned))

    return requeue


@bug(RecoveryQuerySet, "_abandoned_with_steps")
def recovery_from_the_living(real):
    """Take what is held by workers whose lease runs."""

    def abandoned(self):
        rows = self.filter(status=Status.PENDING).annotate(recorded=Count("steps"))
        return {row.pk: row for row in rows.values_list(*recovery._JUDGED, named=True)}

    return abandoned


@bug(RecoveryQuerySet, "_recover")
def recovery_without_a_new_claim(real):
    """Leave the old worker its claim until somebody takes the row."""

    def recover(self, rows):
        recovered = real(self, rows)
        ids = [each.id for each in recovered]
        self.filter(pk__in=ids).update(claim=F("claim") - 1)
        return recovered

    return recover


@bug(recovery, "_after_loss")
def recovery_that_is_not_counted(real):
    """Forget that a worker was lost."""

    def after_loss(row):
        status, stalls, attempts, recorded = real(row)
        return status, stalls - 1, attempts, recorded

    return after_loss


@bug(recovery, "_after_loss")
def dead_letter_one_too_late(real):
    """Give a workflow one death more than it was granted."""

    def after_loss(row):
        limit = row.max_recovery_attempts + 1
        return real(row._replace(max_recovery_attempts=limit))

    return after_loss


@bug(recovery, "STALLS_BEFORE_QUARANTINE")
def innocents_that_are_counted(real):
    """Count each death, although it may have been a neighbour's fault."""
    return 0


@bug(recovery, "_after_loss")
def progress_that_clears_nobody(real):
    """Count on although there is a new checkpoint."""

    def after_loss(row):
        return real(row._replace(stalled_at=row.recorded))

    return after_loss


@bug(TransitionQuerySet, "hand_over")
def hand_over_that_counts_as_a_death(real):
    """Suspect a workflow because its worker was stopped."""

    def hand_over(self, workflow_id, claim):
        self.filter(pk=workflow_id, claim=claim).update(stalls=F("stalls") + 1)
        return real(self, workflow_id, claim)

    return hand_over


@bug(TransitionQuerySet, "take_away")
def leaving_worker_that_keeps_its_claims(real):
    """Put back what still runs, and let it write on."""

    def take_away(self, worker_id):
        held = self.filter(worker=worker_id, status=Status.PENDING)
        return held.update(status=Status.ENQUEUED, worker=None)

    return take_away


# Cancellation and wake-ups.


@bug(transitions, "ACTIVE")
def cancellation_of_what_has_ended(real):
    """Overwrite an outcome."""
    return (*ACTIVE, Status.SUCCESS, Status.ERROR)


@bug(TransitionQuerySet, "_cancel_tree")
def cancellation_that_lists_children_first(real):
    """Look for children before the parent is locked."""

    def cancel_tree(self, root, reason):
        children = self.filter(parent=root, status__in=ACTIVE)
        ids = list(children.values_list("pk", flat=True))
        cancelled = [root] if self._cancel_row(root, reason, "") else []
        cancelled += [pk for pk in ids if self._cancel_row(pk, reason, root)]
        self._tell_cancelled(cancelled, reason)
        return cancelled

    return cancel_tree


@bug(transitions, "RESUMABLE")
def resumption_of_what_runs(real):
    """Resume a workflow that somebody executes."""
    return (*real, Status.PENDING)


@bug(RecoveryQuerySet, "_requeue")
def wake_that_undoes_a_cancellation(real):
    """Wake what was waiting when it was looked for."""

    def requeue(self, ids, expected):
        return self.filter(pk__in=list(ids)).update(status=Status.ENQUEUED)

    return requeue


@bug(WaitQuerySet, "wake")
def nobody_is_woken(real):
    """Leave every wake-up to the sweep."""
    return lambda self, targets: 0


@bug(WaitQuerySet, "wake_if_met")
def no_second_look(real):
    """Suspend without looking again once that is committed."""
    return lambda self, workflow_id, claim, rows: None


@bug(WaitQuerySet, "wake_met")
def sweep_that_finds_no_lost_wake_up(real):
    """Repair nothing."""
    return lambda self: 0


# Leases.


@bug(WorkerQuerySet, "beat")
def lease_that_is_not_renewed(real):
    """Ask for the time and leave the row as it is."""
    return lambda self, worker_id, **facts: self.database_now()


@bug(WorkerQuerySet, "beat")
def lease_renewed_after_its_end(real):
    """Renew a lease that others have seen expired."""

    def beat(self, worker_id, **facts):
        now = self.database_now()
        mine = self.filter(pk=worker_id)
        return now if mine.update(heartbeat_at=now, **facts) else None

    return beat
