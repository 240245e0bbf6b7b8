"""Failed tries of steps that are retried."""

from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from django_durable.models import compiled
from django_durable.models.compiled import Selection
from django_durable.models.workflow import Workflow


class AttemptQuerySet(models.QuerySet["Attempt"]):
    """Attempts by what replay asks."""

    def journal(self, workflow_id: str) -> list[tuple[str, int, datetime]]:
        """Return (branch, step_id, next_at) of a workflow's failed tries, in order."""
        return _JOURNAL(self, workflow=workflow_id)


_JOURNAL = Selection(
    lambda rows: (
        rows.filter(workflow_id=compiled.text("workflow"))
        .order_by("attempt")
        .values_list("branch", "step_id", "next_at")
    )
)


class Attempt(models.Model):
    """A failed try: counted here, so that a crash resets nothing."""

    pk = models.CompositePrimaryKey("workflow_id", "branch", "step_id", "attempt")
    workflow = models.ForeignKey(
        Workflow,
        models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="attempts",
    )
    branch = models.TextField(_("branch"), default="", blank=True)
    step_id = models.IntegerField(_("step"))
    attempt = models.IntegerField(_("attempt"))
    error = models.TextField(_("error"))
    failed_at = models.DateTimeField(_("failed at"))
    next_at = models.DateTimeField(_("next try at"))

    objects = AttemptQuerySet.as_manager()

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.workflow_id}: step {self.step_id}, attempt {self.attempt}"
