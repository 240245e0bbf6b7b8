"""Bugs in what executions write, and in how they get hold of their rows."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from django.db import connections
from django.db.models import F

from django_durable import clock
from django_durable.models import (
    Workflow,
    checkpoint,
    claiming,
    heads,
    outcome,
    sql,
    suspension,
    transitions,
)
from django_durable.models.checkpoint import Recorded, Verdict
from django_durable.models.claims import Claimed, ClaimQuerySet
from django_durable.models.heads import Asked
from django_durable.models.status import Standing, Status
from django_durable.models.step import StepQuerySet
from tests.planted.planting import bug


def rewriting(execute: Any, is_meant: Callable[[str], bool], *texts: str) -> Any:
    """Return ``execute`` with pieces of some statements replaced."""

    def rewritten(connection: Any, statement: str, params: Sequence[Any] = ()) -> Any:
        if is_meant(statement):
            for old, new in zip(texts[::2], texts[1::2], strict=True):
                statement = statement.replace(old, new)
        return execute(connection, statement, params)

    return rewritten


def is_checkpoint(statement: str) -> bool:
    return checkpoint.STEP in statement and "INSERT INTO" in statement


def is_strict(statement: str) -> bool:
    return is_checkpoint(statement) and "AND status = 'PENDING'" in statement


def is_ordinary(statement: str) -> bool:
    return is_checkpoint(statement) and not is_strict(statement)


def is_claim(statement: str) -> bool:
    return statement.startswith(("WITH RECURSIVE", "\nWITH RECURSIVE"))


# Checkpoints and outcomes.


@bug(sql, "fetch_hot")
def no_unique_key(real):
    """Let a second outcome of a step replace the first one."""
    again = "DO UPDATE SET output = EXCLUDED.output"
    return rewriting(real, is_checkpoint, "DO NOTHING", again)


@bug(sql, "fetch_hot")
def fence_without_lock(real):
    """Check the claim in the strict fence, and let it change before the commit."""
    return rewriting(real, is_strict, "FOR NO KEY UPDATE", "")


@bug(sql, "fetch_hot")
def strict_fence_that_lets_zombies_pass(real):
    """Ask for the status only, whoever holds the row."""
    return rewriting(real, is_strict, "claim = %s", "(claim = %s OR true)")


@bug(sql, "fetch_hot")
def strict_fence_blind_to_cancellation(real):
    """Ask for the claim only, which a cancellation leaves as it is."""
    return rewriting(real, is_strict, "AND status = 'PENDING'", "")


@bug(sql, "fetch_hot")
def ordinary_fence_that_lets_zombies_pass(real):
    """Take the outcome of an ordinary step from whoever brings it."""
    return rewriting(real, is_ordinary, "claim = %s", "(claim = %s OR true)")


@bug(sql, "fetch_hot")
def group_without_a_fence(real):
    """Check no claims where several checkpoints go out together."""
    same = "w.claim = v.claim", "w.claim >= v.claim"
    same_in_json = "w.claim = json_extract", "w.claim >= json_extract"
    return rewriting(real, is_ordinary, *same, *same_in_json)


@bug(StepQuerySet, "record_held")
def checkpoint_outside_of_the_transaction(real):
    """Commit what a transaction step wrote, then its checkpoint by itself."""

    def record_afterwards(self, checkpoint):
        connection = connections[self.db]
        connection._commit()
        if connection.vendor == "sqlite":  # The others begin by themselves.
            connection._start_transaction_under_autocommit()
        return real(self, checkpoint)

    return record_afterwards


@bug(outcome, "store")
def outcome_without_a_guard(real):
    """Store an outcome whatever has become of the row."""

    def store_anyhow(connection, rows, hint=None):
        for row in rows:
            Workflow.objects.filter(pk=row.workflow_id).update(
                status=row.status, output=row.output, error=row.error
            )
        return {row.workflow_id for row in rows}

    return store_anyhow


@bug(outcome, "_POSTGRESQL")
def writer_that_waits_for_locks(real):
    """Let one locked row hold up the outcomes of all others."""
    return real.replace("SKIP LOCKED", "")


@bug(transitions, "_judge")
def own_outcome_taken_for_another_s(real):
    """Do not know again what a statement wrote whose answer got lost."""

    def judge(claim: int, status: str, standing: Standing | None) -> Recorded:
        recorded = real(claim, status, standing)
        if recorded.verdict is Verdict.RECORDED:
            return Recorded(Verdict.STOPPED, standing)
        return recorded

    return judge


@bug(sql, "insert_new")
def start_that_is_always_the_first(real):
    """Say of each start that it made the workflow."""

    def insert(connection, instances, *hint):
        real(connection, instances, *hint)
        return {instance.pk for instance in instances}

    return insert


# Suspensions.


@bug(suspension, "_ONE")
def suspension_by_a_zombie(real):
    """Let whoever wants to write what a workflow waits for."""
    return real.replace("claim = %s", "(claim = %s OR true)")


@bug(suspension, "_ONE")
def suspension_of_what_is_cancelled(real):
    """Suspend whatever the status is by now."""
    return real.replace("AND status = 'PENDING'", "").replace(
        "AND w.status = 'PENDING'", ""
    )


# Claims.


@bug(claiming, "_HEADS")
def claim_that_waits_for_locks(real):
    """Claim without SKIP LOCKED."""
    return real.replace("SKIP LOCKED", "")


@bug(sql, "fetch_hot")
def claim_that_ignores_a_pause(real):
    """Take from every queue that has rows, paused or not."""
    return rewriting(real, is_claim, "q.paused_at IS NULL", "1 = 1")


@bug(ClaimQuerySet, "_has_ready")
def claim_that_asks_for_pauses_too_early(real):
    """Ask what is paused with the look, and not in the transaction that takes."""

    def has_ready(self, now):
        known = self._queues_in_use(heads._OPEN)
        self._queues_in_use = lambda names: known
        return real(self, now)

    return has_ready


@bug(ClaimQuerySet, "claim")
def claim_that_looks_first_and_takes_later(real):
    """Choose rows in one transaction, and take them in another, unchecked."""

    def claim(self, worker_id, definitions, *, limit, queues=None, now=None):
        asked = Asked(definitions, limit, queues, now or clock.now())
        found = [head.id for head in self._first_ready(asked).rows]
        rows = self.filter(pk__in=found)
        rows.update(status=Status.PENDING, worker=worker_id, claim=F("claim") + 1)
        return [
            Claimed(row.pk, row.name, row.version, row.inputs, row.claim)
            for row in rows
        ]

    return claim


@bug(ClaimQuerySet, "claim")
def claim_under_the_number_of_the_last_one(real):
    """Do not give a new number to a new claim."""

    def claim(self, worker_id, definitions, **options):
        taken = real(self, worker_id, definitions, **options)
        again = [each for each in taken if each.claim > 1]
        self.filter(pk__in=[each.id for each in again]).update(claim=F("claim") - 1)
        return [
            replace(each, claim=each.claim - 1) if each in again else each
            for each in taken
        ]

    return claim


@bug(ClaimQuerySet, "disown")
def claim_whose_lost_answer_is_forgotten(real):
    """Leave held what a claim took without knowing it."""
    return lambda self, worker_id, claimed_at: 0


@bug(heads, "STALLS_BEFORE_QUARANTINE")
def suspects_among_the_others(real):
    """Take what workers died of like everything else."""
    return real + 1000


@bug(ClaimQuerySet, "lock")
def parent_that_is_not_locked(real):
    """Look at a parent without holding its row while its child is inserted."""
    return lambda self, workflow_id: self.standing(workflow_id)
