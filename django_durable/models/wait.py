"""What suspended workflows wait for."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import models
from django.db.models import Exists, OuterRef
from django.db.models.functions import Substr
from django.utils.translation import gettext_lazy as _

from django_durable import signals
from django_durable.models.status import TERMINAL, Status
from django_durable.models.targets import RESULT_PREFIX, result_of
from django_durable.models.workflow import Workflow


@dataclass(frozen=True, slots=True)
class WaitRow:
    """One thing that one place of a workflow waits for."""

    branch: str
    step_id: int
    target: str
    wake_at: datetime | None = None


class WaitQuerySet(models.QuerySet["Wait"]):
    """Waits by what would end them."""

    def keep(self, workflow_id: str, rows: Iterable[WaitRow]) -> None:
        """Insert the rows that are not there; first deadlines stay."""
        waits = [
            Wait(
                workflow_id=workflow_id,
                branch=row.branch,
                step_id=row.step_id,
                target=row.target,
                wake_at=row.wake_at,
            )
            for row in rows
        ]
        self.bulk_create(waits, ignore_conflicts=True)

    def replace(self, workflow_id: str, rows: Iterable[WaitRow]) -> None:
        """Make ``rows`` what the workflow waits for; first deadlines stay."""
        wanted = {(row.branch, row.step_id, row.target): row for row in rows}
        held = self.filter(workflow_id=workflow_id)
        for key in set(held.values_list("branch", "step_id", "target")):
            if wanted.pop(key, None) is None:
                branch, step_id, target = key
                held.filter(branch=branch, step_id=step_id, target=target).delete()
        if wanted:
            self.keep(workflow_id, wanted.values())

    def wake(self, targets: Iterable[str]) -> int:
        """Queue the workflows that wait for one of ``targets``.

        To be called after the commit of what it tells (I6).
        """
        waiting = self.filter(target__in=list(targets)).order_by()
        ids = set(waiting.values_list("workflow_id", flat=True))
        if not ids:
            return 0
        return Workflow.objects.using(self.db).requeue_waiting(ids)

    def wake_if_met(
        self, workflow_id: str, claim: int, rows: Iterable[WaitRow]
    ) -> None:
        """Queue a workflow that has just suspended if a wait is over already.

        The second look of I6: after the commit that wrote WAITING.
        """
        ids = [result_of(row.target) for row in rows]
        ended = [pk for pk in ids if pk is not None]
        workflows = Workflow.objects.using(self.db)
        if not ended:
            return
        known = dict(workflows.filter(pk__in=ended).values_list("pk", "status"))
        is_met = any(known.get(pk, Status.SUCCESS) in TERMINAL for pk in ended)
        if is_met and workflows.requeue_waiting([workflow_id], claim=claim):
            signals.publish(self.db, signals.QUEUE)

    def wake_met(self) -> int:
        """Queue the workflows whose wait is over although nobody woke them.

        The sweep: repairs wake-ups that a crash or a busy row swallowed.
        """
        workflows = Workflow.objects.using(self.db)
        its_workflow = Substr(OuterRef("target"), len(RESULT_PREFIX) + 1)
        ended = workflows.filter(pk=its_workflow, status__in=TERMINAL)
        met = self.filter(
            Exists(ended),
            workflow__status=Status.WAITING,
            target__startswith=RESULT_PREFIX,
        )
        return workflows.requeue_waiting(set(met.values_list("workflow_id", flat=True)))


class Wait(models.Model):
    """One thing that a workflow waits for, with its first deadline."""

    pk = models.CompositePrimaryKey("workflow_id", "branch", "step_id", "target")
    workflow = models.ForeignKey(
        Workflow,
        models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="waits",
    )
    branch = models.TextField(_("branch"), default="", blank=True)
    step_id = models.IntegerField(_("step"))
    target = models.TextField(_("target"))
    wake_at = models.DateTimeField(_("wakes at"), null=True)

    objects = WaitQuerySet.as_manager()

    class Meta:
        verbose_name = _("wait")
        verbose_name_plural = _("waits")
        default_permissions = ()
        indexes = [
            # wake(): who waits for what has just happened.
            models.Index(fields=["target"], name="durable_wait_target"),
            # The earliest deadlines, for displays and for the sweep.
            models.Index(
                fields=["wake_at"],
                name="durable_wait_wake_at",
                condition=models.Q(wake_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.target
