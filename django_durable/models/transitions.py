"""How a workflow changes its state. Each change names the state it expects."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections, models, transaction
from django.db.models import F

from django_durable import clock, signals
from django_durable.exceptions import InvalidTransition, WorkflowNotFound
from django_durable.models import code, compiled, faults, hints, outcome, sql
from django_durable.models.checkpoint import Recorded, Verdict
from django_durable.models.claims import Claimed
from django_durable.models.compiled import Change, OneOf, Selection
from django_durable.models.expressions import SecondsSince
from django_durable.models.outcome import Outcome
from django_durable.models.status import ACTIVE, Standing, Status
from django_durable.models.targets import result_target
from django_durable.models.worker import Worker
from django_durable.names import check_queue_name

RESUMABLE = (
    Status.CANCELLED,
    Status.PAUSED,
    Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED,
)


class TransitionQuerySet(models.QuerySet[Any]):
    """The changes of status that are neither claims nor recovery."""

    def enqueue(self, rows: Sequence[Any]) -> set[str]:
        """Insert workflows; return the ids that were new.

        Belongs to the caller's transaction; workers hear of it on commit.
        """
        connection = connections[self.db]
        is_one = len(rows) == 1 and rows[0].status == Status.ENQUEUED
        with hints.riding(connection, [signals.QUEUE] if is_one else []) as hint:
            created = sql.insert_new(connection, rows, hint.column, hint.params)
        fresh = [row for row in rows if row.pk in created]
        for row in fresh:
            signals.tell_on_commit(
                signals.workflow_enqueued,
                self.db,
                workflow_id=row.pk,
                name=row.name,
                queue_name=row.queue_name,
            )
        if any(row.status == Status.ENQUEUED for row in fresh):
            signals.publish(self.db, signals.QUEUE, is_hinted=bool(hint))
        return created

    def finish(self, outcomes: Sequence[Outcome]) -> list[Recorded]:
        """Store outcomes of held workflows; say of each whether it took.

        A row that turns out to hold this very outcome counts as recorded: it
        was written by a statement whose answer got lost. Whoever waits for the
        results is woken.
        """
        connection = connections[self.db]
        targets = [result_target(row.workflow_id).name for row in outcomes]
        with hints.riding(connection, targets) as hint:
            took = outcome.store(connection, outcomes, hint)
        missing = [row for row in outcomes if row.workflow_id not in took]
        standings = self.standings({row.workflow_id for row in missing})
        found = [
            Recorded(Verdict.RECORDED)
            if row.workflow_id in took
            else _judge(row.claim, row.status, standings.get(row.workflow_id))
            for row in outcomes
        ]
        pairs = zip(targets, found, strict=True)
        ended = [name for name, got in pairs if got.verdict is Verdict.RECORDED]
        if ended:
            is_hinted = bool(hint) and len(took) == len(ended)
            signals.publish(self.db, *ended, is_hinted=is_hinted)
        return found

    def standings(self, ids: Collection[str]) -> dict[str, Standing]:
        """Return claim and status of each workflow that exists."""
        if not ids:
            return {}
        return {pk: Standing(*found) for pk, *found in _STANDINGS(self, ids=ids)}

    def suspend(
        self, workflow_id: str, claim: int, *, wake_at: datetime | None
    ) -> bool:
        """Move a held workflow to WAITING until ``wake_at`` or a wake-up.

        It got so far without killing its worker: suspicion ends here.
        """
        given = {"pk": workflow_id, "claim": claim, "wake_at": wake_at}
        if _SUSPEND(self, **given, now=clock.now()):
            return True
        return self._is(workflow_id, Standing(claim, Status.WAITING))

    def hand_over(self, workflow_id: str, claim: int) -> bool:
        """Put a held workflow back in the queue, uncounted."""
        moved = self._leave(workflow_id, claim, status=Status.ENQUEUED)
        if moved:
            signals.publish(self.db, signals.QUEUE)
        return moved

    def take_away(self, worker_id: UUID) -> int:
        """Put back whatever a leaving worker still holds, under new claims."""
        now = clock.now()
        held = self.filter(worker=worker_id, status=Status.PENDING)
        taken = held.update(
            status=Status.ENQUEUED,
            worker=None,
            claim=F("claim") + 1,
            seconds_ran=F("seconds_ran") + SecondsSince(now),
            changed_at=now,
        )
        if taken:
            signals.publish(self.db, signals.QUEUE)
        return taken

    def pause(self, held: Claimed, reason: str) -> bool:
        """Stop a held workflow for a programmer's error."""
        status = Status.PAUSED
        if not self._leave(held.id, held.claim, status=status, pause_reason=reason):
            return False
        signals.tell_on_commit(
            signals.workflow_paused,
            self.db,
            workflow_id=held.id,
            name=held.name,
            reason=reason,
        )
        return True

    def unpause(
        self, definitions: Collection[tuple[str, str]], *, before: datetime
    ) -> int:
        """Give PAUSED workflows another try with the code at hand."""
        given = {"before": before, "now": clock.now(), **code.given(definitions)}
        return _UNPAUSE(self, **given)

    def cancel_one(self, workflow_id: str, reason: str = "") -> bool:
        """Cancel a workflow with its children; return whether it took.

        Raises WorkflowNotFound.
        """

        def cancel() -> list[str]:
            with transaction.atomic(using=self.db):
                sql.read_committed(connections[self.db])
                sql.limit_idle_time(connections[self.db])
                return self._cancel_tree(workflow_id, reason)

        cancelled = faults.retry_conflicts(self.db, cancel)
        if not cancelled and not self.filter(pk=workflow_id).exists():
            raise WorkflowNotFound(workflow_id)
        return bool(cancelled)

    def resume_one(self, workflow_id: str, *, queue_name: str | None = None) -> None:
        """Go on from the last completed step, children cancelled along too.

        Those stay in their queues; the workflow moves to ``queue_name``, if there
        is one. Raises WorkflowNotFound, InvalidTransition.
        """
        moves = (
            {} if queue_name is None else {"queue_name": check_queue_name(queue_name)}
        )

        def resume() -> None:
            with transaction.atomic(using=self.db):
                sql.limit_idle_time(connections[self.db])
                self._resume(workflow_id, moves)

        faults.retry_conflicts(self.db, resume)

    def _leave(
        self, workflow_id: str, claim: int, *, status: Status, **changes: Any
    ) -> bool:
        """Give up a held workflow; True as well when that was done before."""
        now = clock.now()
        held = self.filter(pk=workflow_id, claim=claim, status=Status.PENDING)
        if held.update(
            status=status,
            worker=None,
            seconds_ran=F("seconds_ran") + SecondsSince(now),
            changed_at=now,
            **changes,
        ):
            return True
        return self._is(workflow_id, Standing(claim, status))

    def _is(self, workflow_id: str, standing: Standing) -> bool:
        return self.standings([workflow_id]).get(workflow_id) == standing

    def _cancel_tree(self, root: str, reason: str) -> list[str]:
        # Each parent is locked by its own update before its children are
        # listed, in a new statement: a child that is being started under the
        # parent's lock is either seen here or never committed.
        cancelled: list[str] = []
        todo = [(root, reason, "")]
        while todo:
            pk, why, parent = todo.pop(0)
            if not self._cancel_row(pk, why, parent):
                continue
            cancelled.append(pk)
            why = f"its parent {pk} was cancelled"
            children = self.filter(parent=pk, status__in=ACTIVE).order_by("pk")
            todo += [
                (child, why, pk) for child in children.values_list("pk", flat=True)
            ]
        self._tell_cancelled(cancelled, reason)
        return cancelled

    def _cancel_row(self, pk: str, reason: str, parent: str) -> int:
        now = clock.now()
        return self.filter(pk=pk, status__in=ACTIVE).update(
            status=Status.CANCELLED,
            cancel_reason=reason,
            cancelled_with=parent,
            worker=None,
            wake_at=None,
            changed_at=now,
            completed_at=now,
        )

    def _tell_cancelled(self, ids: Iterable[str], reason: str) -> None:
        names = dict(self.filter(pk__in=ids).values_list("pk", "name"))
        for pk, name in names.items():
            signals.tell_on_commit(
                signals.workflow_cancelled,
                self.db,
                workflow_id=pk,
                name=name,
                reason=reason,
            )
        if names:
            signals.publish(self.db, *(result_target(pk).name for pk in names))

    def _resume(self, workflow_id: str, moves: Mapping[str, str]) -> None:
        rows = self.filter(pk=workflow_id)
        if connections[self.db].features.has_select_for_update:
            rows = rows.select_for_update(no_key=True)
        workflow = rows.first()
        if workflow is None:
            raise WorkflowNotFound(workflow_id)
        changes = {**self._resumption(workflow), **moves}
        self.filter(pk=workflow_id, status=workflow.status).update(**changes)
        cancelled_along = self.filter(
            cancelled_with=workflow_id, parent=workflow_id, status=Status.CANCELLED
        ).order_by("pk")
        if workflow.status == Status.CANCELLED:
            for child in list(cancelled_along.values_list("pk", flat=True)):
                with suppress(InvalidTransition):  # Somebody else was faster.
                    self._resume(child, {})
        signals.publish(self.db, signals.QUEUE)

    def _resumption(self, workflow: Any) -> dict[str, Any]:
        now = clock.now()
        version = self._version_to_resume(workflow)
        if workflow.status in RESUMABLE:
            return {
                "status": Status.ENQUEUED,
                "version": version,
                "run_after": min(workflow.run_after, now),
                "deadline": _if_ahead(workflow.deadline, now),
                "stalls": 0,
                "recovery_attempts": 0,
                "pause_reason": "",
                "cancel_reason": "",
                "cancelled_with": "",
                "completed_at": None,
                "changed_at": now,
            }
        if version != workflow.version and workflow.status in (
            Status.ENQUEUED,
            Status.WAITING,
        ):
            return {"version": version}
        if workflow.status == Status.ENQUEUED and workflow.run_after > now:
            return {"run_after": now}
        raise InvalidTransition(workflow.pk, workflow.status, "resume")

    def _version_to_resume(self, workflow: Any) -> str:
        """Return the version at hand for a row that no live worker can run."""
        live = Worker.objects.using(self.db).live_definitions()
        if (workflow.name, workflow.version) in live:
            return workflow.version  # type: ignore[no-any-return]
        if (workflow.name, code.ANY_VERSION) in live:
            return workflow.version  # type: ignore[no-any-return]
        return code.version_at_hand(workflow.name) or workflow.version


_NOW = compiled.moment("now")
_STANDINGS = Selection(
    lambda rows: rows.filter(OneOf("pk", compiled.texts("ids"))).values_list(
        "pk", "claim", "status"
    )
)
_UNPAUSE = Change(
    lambda rows: rows.filter(
        code.runnable_given(),
        status=Status.PAUSED,
        changed_at__lt=compiled.moment("before"),
    ),
    status=Status.ENQUEUED,
    pause_reason="",
    changed_at=_NOW,
)
_SUSPEND = Change(
    lambda rows: rows.filter(
        pk=compiled.text("pk"), claim=compiled.number("claim"), status=Status.PENDING
    ),
    status=Status.WAITING,
    wake_at=compiled.moment("wake_at"),
    stalls=0,
    recovery_attempts=0,
    worker=None,
    seconds_ran=F("seconds_ran") + SecondsSince(_NOW),
    changed_at=_NOW,
)


def _judge(claim: int, status: str, standing: Standing | None) -> Recorded:
    if standing is None or standing.claim != claim:
        return Recorded(Verdict.FENCED, standing)
    if standing.status == status:
        return Recorded(Verdict.RECORDED, standing)
    if standing.status == Status.PENDING:
        return Recorded(Verdict.BUSY, standing)
    return Recorded(Verdict.STOPPED, standing)


def _if_ahead(deadline: datetime | None, now: datetime) -> datetime | None:
    return deadline if deadline is not None and deadline > now else None
