"""New workflows out of old ones: restarted, or forked with the first steps kept."""

from dataclasses import dataclass
from typing import Any

from django.db import connections, transaction
from django.db.models import Count, Max, QuerySet

from django_durable import clock
from django_durable.exceptions import (
    ForkImpossible,
    WorkflowConflict,
    WorkflowNotFound,
)
from django_durable.models import code, copies, faults, sql
from django_durable.models.ids import check_workflow_id, may_exist, new_workflow_id
from django_durable.models.transitions import TransitionQuerySet
from django_durable.names import check_queue_name


@dataclass(frozen=True, slots=True)
class ForkOptions:
    """What a fork takes otherwise than its origin; None: what that has."""

    workflow_id: str | None = None
    queue_name: str | None = None
    version: str | None = None

    def __post_init__(self) -> None:
        if self.workflow_id is not None:
            check_workflow_id(self.workflow_id)
        if self.queue_name is not None:
            check_queue_name(self.queue_name)
        if self.version is None:
            return
        if not isinstance(self.version, str):
            raise TypeError(f"version must be a string, not {self.version!r}.")
        if not self.version.strip():
            raise ValueError("version must not be blank.")


_AS_IT_WAS = ForkOptions()

# As ``copies.Tables`` has them.
_RELATED = (
    "steps",
    "attempts",
    "event_history",
    "events",
    "streams",
    "stream_entries",
    "notifications",
)


class ForkQuerySet(TransitionQuerySet):
    """Copies of workflows, each in one transaction."""

    def restart_one(
        self, workflow_id: str, options: ForkOptions = _AS_IT_WAS
    ) -> tuple[str, bool]:
        """Start a workflow anew; return the new id, and whether it is new.

        Raises WorkflowNotFound, WorkflowConflict.
        """
        return self.fork_one(workflow_id, 1, options=options)

    def fork_one(
        self,
        workflow_id: str,
        from_step: int,
        *,
        branch: str = "",
        options: ForkOptions = _AS_IT_WAS,
    ) -> tuple[str, bool]:
        """Start a copy that keeps what was recorded before a step of a branch.

        Returns its id, and whether it is new: an id that was given is an
        idempotency key. Raises WorkflowNotFound, WorkflowConflict,
        ForkImpossible.
        """
        cut = copies.Cut(workflow_id, branch, _whole_number(from_step))

        def fork() -> tuple[str, bool]:
            with transaction.atomic(using=self.db):
                sql.read_committed(connections[self.db])
                sql.limit_idle_time(connections[self.db])
                return self._fork(cut, options)

        return faults.retry_conflicts(self.db, fork)

    def steps_of_fork(
        self, origin: Any, from_step: int, *, branch: str = ""
    ) -> tuple[QuerySet[Any], QuerySet[Any]]:
        """Return what fork_one() keeps of the steps, and the others.

        Raises ForkImpossible.
        """
        cut = copies.Cut(origin.pk, branch, _whole_number(from_step))
        steps = origin.steps.using(self.db)
        if cut.is_whole:
            return steps.none(), steps.all()
        self._assure_recorded(origin, cut)
        kept = copies.kept(steps.defer("output", "error"), cut)
        return steps.filter(kept), steps.exclude(kept)

    def _fork(self, cut: copies.Cut, options: ForkOptions) -> tuple[str, bool]:
        origin = self._kept_there(cut.workflow_id)
        if not cut.is_whole:
            self._assure_recorded(origin, cut)
        row = self._copy_of(origin, options)
        if not cut.is_whole:  # What is replayed stores no summary again.
            row.summary = origin.summary
        if not self.enqueue([row]):
            return self._forked_before(row)
        if not cut.is_whole:
            copies.keep(connections[self.db], cut, row.pk, self._tables())
            self._go_on_counting(row)
        return row.pk, True

    def _kept_there(self, workflow_id: str) -> Any:
        """Return a row that nobody deletes until this transaction ends.

        The lock holds up no execution.
        """
        connection = connections[self.db]
        if sql.is_postgresql(connection):
            table = sql.table(self.model)
            look = f"SELECT 1 FROM {table} WHERE id = %s FOR KEY SHARE"
            sql.fetch(connection, look, [workflow_id])
        origin = self.filter(pk=workflow_id).defer("output", "error").first()
        if origin is None:
            raise WorkflowNotFound(workflow_id)
        return origin

    def _assure_recorded(self, origin: Any, cut: copies.Cut) -> None:
        """Raise ForkImpossible when something before the step is not recorded."""
        last = 0
        if may_exist(cut.branch):
            steps = origin.steps.filter(branch=cut.branch)
            last = steps.aggregate(last=Max("step_id", default=0))["last"]
        # A branch that has recorded nothing may not even have begun.
        if not 1 <= cut.step_id <= last + 1 or (cut.branch and not last):
            raise ForkImpossible(
                origin.pk, origin.status, cut.step_id, cut.branch, last
            )

    def _copy_of(self, origin: Any, options: ForkOptions) -> Any:
        now, deadline = clock.now(), None
        if origin.deadline is not None:  # As much time as the origin had.
            begun_at = max(origin.run_after, origin.created_at)
            deadline = now + (origin.deadline - begun_at)
        version = options.version or code.version_at_hand(origin.name)
        return self.model(
            id=options.workflow_id or new_workflow_id(),
            name=origin.name,
            version=version or origin.version,
            queue_name=options.queue_name or origin.queue_name,
            priority=origin.priority,
            run_after=now,
            deadline=deadline,
            inputs=origin.inputs,
            max_recovery_attempts=origin.max_recovery_attempts,
            forked_from_id=origin.pk,
            subject_type=origin.subject_type,
            subject_id=origin.subject_id,
            attributes=origin.attributes,
            created_at=now,
            changed_at=now,
        )

    def _forked_before(self, row: Any) -> tuple[str, bool]:
        known = self.filter(pk=row.pk).only("name", "forked_from_id").get()
        if (known.name, known.forked_from_id) != (row.name, row.forked_from_id):
            wanted = f"copy of {row.forked_from_id}"
            raise WorkflowConflict(row.pk, known.name, wanted)
        return row.pk, False

    def _go_on_counting(self, row: Any) -> None:
        """Let the first claim be newer than those of the steps that were kept.

        A first claim of 1 would read no journal; and they are no progress of this
        workflow's own.
        """
        kept = row.steps.using(self.db).aggregate(
            claim=Max("claim", default=0), count=Count("step_id")
        )
        self.filter(pk=row.pk).update(claim=kept["claim"], stalled_at=kept["count"])

    def _tables(self) -> copies.Tables:
        fields = (self.model._meta.get_field(name) for name in _RELATED)
        return copies.Tables(*(sql.table(field.related_model) for field in fields))


def _whole_number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"from_step must be the number of a step, not {value!r}.")
    return value
