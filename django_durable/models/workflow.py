"""Stored executions."""

from datetime import timedelta
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from django_durable import clock
from django_durable.models.bulk import BulkQuerySet
from django_durable.models.code import runnable
from django_durable.models.deadlines import DeadlineQuerySet
from django_durable.models.depths import DepthQuerySet
from django_durable.models.forks import ForkOptions
from django_durable.models.ids import new_workflow_id
from django_durable.models.recovery import RecoveryQuerySet
from django_durable.models.status import (
    ACTIVE,
    DEADLINE_REASON,
    FAILED,
    TERMINAL,
    Status,
)
from django_durable.models.summary import SummaryQuerySet
from django_durable.models.worker import Worker

# Columns that may be large, and are not for everybody's eyes. What decides about
# permissions is not among them.
PAYLOADS = ("inputs", "output", "error")


class WorkflowQuerySet(  # type: ignore[override]
    DepthQuerySet,
    RecoveryQuerySet,
    SummaryQuerySet,
    DeadlineQuerySet,
    BulkQuerySet,
):
    """Workflows by what an application or an operator asks."""

    def active(self) -> "WorkflowQuerySet":
        """Keep the workflows that have not ended."""
        return self.filter(status__in=ACTIVE)

    def finished(self) -> "WorkflowQuerySet":
        """Keep the workflows that have an outcome."""
        return self.filter(status__in=TERMINAL)

    def failed(self) -> "WorkflowQuerySet":
        """Keep the workflows that ended in an error or in the dead letter."""
        return self.filter(status__in=FAILED)

    def for_definition(self, definition: Any) -> "WorkflowQuerySet":
        """Keep the executions of one definition (or of its registered name)."""
        return self.filter(name=getattr(definition, "name", definition))

    def for_schedule(self, name: str) -> "WorkflowQuerySet":
        """Keep the workflows that a schedule has started, or a person by it."""
        # SQLite sees by itself no more than that its index is about others.
        return self.filter(ticks__schedule=name, ticks__workflow__isnull=False)

    def for_subject(self, subject: models.Model) -> "WorkflowQuerySet":
        """Keep the workflows that were started with ``subject=``."""
        kind, key = subject_key(subject)
        # SQLite sees by itself no more than that its index is about others.
        return self.filter(~Q(subject_type=""), subject_type=kind, subject_id=key)

    def stranded(self) -> "WorkflowQuerySet":
        """Keep what no live worker has the code for: it waits for a deploy."""
        live = Worker.objects.using(self.db).live_definitions()
        waiting = self.filter(status__in=(Status.ENQUEUED, Status.WAITING))
        return waiting.exclude(runnable(live))

    def older_than(self, age: timedelta) -> "WorkflowQuerySet":
        """Keep the workflows that were created longer ago than ``age``."""
        return self.filter(created_at__lt=clock.now() - age)


def subject_key(subject: models.Model) -> tuple[str, str]:
    """Return what ties a workflow to a model object: label and primary key.

    A label instead of a ContentType row stays true when the durable tables
    live in a database of their own.
    """
    if not isinstance(subject, models.Model):
        raise TypeError(f"subject= takes a model object, not {subject!r}.")
    if subject.pk is None:
        raise ValueError(f"subject= takes a saved object: {subject!r} has no key yet.")
    return subject._meta.label_lower, str(subject.pk)


class Workflow(models.Model):
    """One execution of a workflow definition."""

    Status = Status

    id = models.TextField(primary_key=True, default=new_workflow_id)
    name = models.TextField(_("name"))
    version = models.TextField(_("version"))
    status = models.CharField(
        _("status"), max_length=32, choices=Status, default=Status.ENQUEUED
    )
    queue_name = models.TextField(_("queue"), default="default")
    priority = models.SmallIntegerField(_("priority"), default=0)
    run_after = models.DateTimeField(_("run after"))
    wake_at = models.DateTimeField(_("wakes at"), null=True, blank=True)
    deadline = models.DateTimeField(_("deadline"), null=True, blank=True)

    inputs = models.TextField(_("inputs"))
    output = models.TextField(_("output"), null=True, blank=True)  # noqa: DJ001
    error = models.TextField(_("error"), null=True, blank=True)  # noqa: DJ001
    summary = models.TextField(_("summary"), default="", blank=True)
    pause_reason = models.TextField(_("why paused"), default="", blank=True)
    cancel_reason = models.TextField(_("why cancelled"), default="", blank=True)
    cancelled_with = models.TextField(
        _("cancelled with"),
        default="",
        blank=True,
        help_text=_("The parent whose cancellation took this workflow along."),
    )

    worker = models.ForeignKey(
        "django_durable.Worker",
        models.DO_NOTHING,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="workflows",
        verbose_name=_("worker"),
    )
    claim = models.BigIntegerField(_("claim"), default=0)
    recovery_attempts = models.IntegerField(_("recovery attempts"), default=0)
    max_recovery_attempts = models.IntegerField(_("recovery limit"), default=10)
    stalls = models.IntegerField(
        _("recoveries without progress"),
        default=0,
        help_text=_("Workers lost in a row without a new checkpoint."),
    )
    stalled_at = models.IntegerField(_("steps at the last recovery"), default=0)

    parent = models.ForeignKey(
        "self",
        models.DO_NOTHING,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="children",
        verbose_name=_("parent"),
    )
    forked_from = models.ForeignKey(
        "self",
        models.DO_NOTHING,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="forks",
        verbose_name=_("forked from"),
    )
    subject_type = models.TextField(_("subject type"), default="", blank=True)
    subject_id = models.TextField(_("subject"), default="", blank=True)
    attributes = models.JSONField(_("attributes"), default=dict, blank=True)
    traceparent = models.TextField(  # noqa: DJ001
        _("trace"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("The spans that started and suspended it, when it is traced."),
    )

    seconds_queued = models.FloatField(_("seconds queued"), default=0)
    seconds_ran = models.FloatField(_("seconds ran"), default=0)
    seconds_waited = models.FloatField(_("seconds waited"), default=0)
    created_at = models.DateTimeField(_("created at"))
    started_at = models.DateTimeField(_("started at"), null=True, blank=True)
    changed_at = models.DateTimeField(_("status changed at"))
    completed_at = models.DateTimeField(_("completed at"), null=True, blank=True)

    objects = WorkflowQuerySet.as_manager()

    class Meta:
        verbose_name = _("workflow")
        verbose_name_plural = _("workflows")
        default_permissions = ("view", "delete")
        permissions = [
            ("view_workflow_data", "Can view inputs, outputs and messages"),
            ("start_workflow", "Can start workflows"),
            ("cancel_workflow", "Can cancel workflows"),
            ("resume_workflow", "Can resume workflows"),
            ("fork_workflow", "Can fork and restart workflows"),
            ("send_workflow_message", "Can send messages to workflows"),
            ("manage_queue", "Can manage queues"),
            ("manage_schedule", "Can manage schedules"),
        ]
        indexes = [
            # claim(): what is ready, queue by queue, in order.
            models.Index(
                fields=["queue_name", "-priority", "run_after"],
                name="durable_workflow_ready",
                condition=Q(status=Status.ENQUEUED),
            ),
            # claim_suspect(): what must run alone.
            models.Index(
                fields=["run_after"],
                name="durable_workflow_suspect",
                condition=Q(status=Status.ENQUEUED, stalls__gte=2),
            ),
            # next_due(): delayed workflows.
            models.Index(
                fields=["run_after"],
                name="durable_workflow_delayed",
                condition=Q(status=Status.ENQUEUED, run_after__gt=F("created_at")),
            ),
            # wake_due(), next_due(): timers. wake_met(), wake_forgotten(): all
            # that wait.
            models.Index(
                fields=["wake_at"],
                name="durable_workflow_wake",
                condition=Q(status=Status.WAITING),
            ),
            # cancel_overdue(), next_due(): deadlines.
            models.Index(
                fields=["deadline"],
                name="durable_workflow_deadline",
                condition=Q(status__in=ACTIVE, deadline__isnull=False),
            ),
            # unpause(): what waits for other code.
            models.Index(
                fields=["changed_at"],
                name="durable_workflow_paused",
                condition=Q(status=Status.PAUSED),
            ),
            # abandoned(): what workers hold.
            models.Index(
                fields=["worker"],
                name="durable_workflow_held",
                condition=Q(status=Status.PENDING),
            ),
            # cancel(), the console: children.
            models.Index(
                fields=["parent"],
                name="durable_workflow_children",
                condition=Q(parent__isnull=False),
            ),
            # for_subject().
            models.Index(
                fields=["subject_type", "subject_id"],
                name="durable_workflow_subject",
                condition=~Q(subject_type=""),
            ),
            # fork(), restart(), the console: copies.
            models.Index(
                fields=["forked_from"],
                name="durable_workflow_forks",
                condition=Q(forked_from__isnull=False),
            ),
            # prune(): what ended long ago.
            models.Index(
                fields=["status", "completed_at"],
                name="durable_workflow_ended",
                condition=Q(completed_at__isnull=False),
            ),
            # The admin's list, newest first.
            models.Index(fields=["created_at"], name="durable_workflow_created"),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def is_finished(self) -> bool:
        """Tell whether the workflow has an outcome."""
        return self.status in TERMINAL

    @property
    def has_missed_deadline(self) -> bool:
        """Tell whether its deadline has cancelled this workflow."""
        return (self.status, self.cancel_reason) == (Status.CANCELLED, DEADLINE_REASON)

    def get_status_display(self) -> str:  # type: ignore[no-redef]
        """Return the label of the status; a missed deadline has one of its own."""
        if self.has_missed_deadline:
            return str(_("cancelled (deadline)"))
        return str(Status(self.status).label)

    def cancel(self, reason: str = "") -> bool:
        """Cancel this workflow and its children; return whether it took.

        False when it had already ended. When this returns, and the
        transaction around it has committed, nothing more of it commits.
        """
        took = self._rows().cancel_one(self.pk, reason)
        self.refresh_from_db()
        return took

    def resume(self, *, queue_name: str | None = None) -> None:
        """Go on from the last completed step, in another queue if one is given.

        For cancelled, paused and dead-lettered workflows, and for a stranded
        one, which moves to the version at hand. A delayed one starts at once.
        Raises InvalidTransition for a running or finished one.
        """
        self._rows().resume_one(self.pk, queue_name=queue_name)
        self.refresh_from_db()

    def restart(self, *, workflow_id: str | None = None) -> "Workflow":
        """Start a new workflow with the same inputs, and return it.

        It has a new id, which may be given, and then is an idempotency key; else
        what this one was started with, and the code at hand. Whatever became of
        this one stays. Raises WorkflowConflict.
        """
        options = ForkOptions(workflow_id=workflow_id)
        return self._other(self._rows().restart_one(self.pk, options))

    def fork(
        self,
        from_step: int,
        *,
        branch: str = "",
        workflow_id: str | None = None,
        queue_name: str | None = None,
        version: str | None = None,
    ) -> "Workflow":
        """Start a copy that keeps what was recorded before a step; return it.

        See restart(). With the steps of ``branch`` before ``from_step`` it takes
        those of other branches that were recorded when that one began, with the
        events, stream entries and messages of all these. Raises WorkflowConflict,
        ForkImpossible.
        """
        options = ForkOptions(workflow_id, queue_name, version)
        forked = self._rows().fork_one(
            self.pk, from_step, branch=branch, options=options
        )
        return self._other(forked)

    def steps_of_fork(
        self, from_step: int, *, branch: str = ""
    ) -> tuple[models.QuerySet[Any], models.QuerySet[Any]]:
        """Return the steps that fork() would keep, and those executed once more.

        Raises ForkImpossible.
        """
        return self._rows().steps_of_fork(self, from_step, branch=branch)

    def delete(
        self, using: str | None = None, keep_parents: bool = False
    ) -> tuple[int, dict[str, int]]:
        """Delete this finished workflow, its finished children, and all of theirs.

        Returns what Django's own does. Raises InvalidTransition for one that has
        not ended, and for one that an active workflow may still ask for.
        """
        rows = type(self).objects.using(using or self._state.db)
        deleted = rows.delete_one(self.pk)
        return deleted.total(), dict(deleted)

    delete.alters_data = True  # type: ignore[attr-defined]

    def _other(self, found: tuple[str, bool]) -> "Workflow":
        other: Workflow = self._rows().get(pk=found[0])
        return other

    def _rows(self) -> WorkflowQuerySet:
        return type(self).objects.using(self._state.db)
