"""Values that workflows publish under a key."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from django_durable.models.workflow import Workflow


class Event(models.Model):
    """The latest value of a key."""

    pk = models.CompositePrimaryKey("workflow_id", "key")
    workflow = models.ForeignKey(
        Workflow,
        models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="events",
    )
    key = models.TextField(_("key"))
    value = models.TextField(_("value"))
    updated_at = models.DateTimeField(_("updated at"))

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.workflow_id}: {self.key}"


class EventHistory(models.Model):
    """The value that one step gave a key: what a fork takes along."""

    pk = models.CompositePrimaryKey("workflow_id", "key", "branch", "step_id")
    workflow = models.ForeignKey(
        Workflow,
        models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="event_history",
    )
    key = models.TextField(_("key"))
    branch = models.TextField(_("branch"), default="", blank=True)
    step_id = models.IntegerField(_("step"))
    value = models.TextField(_("value"))
    set_at = models.DateTimeField(_("set at"))

    class Meta:
        verbose_name = _("past event")
        verbose_name_plural = _("past events")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.workflow_id}: {self.key} at step {self.step_id}"
