"""Ordered values that workflows publish."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from django_durable.models.workflow import Workflow


class Stream(models.Model):
    """The counter of a stream: where its next entry goes, and whether it may."""

    pk = models.CompositePrimaryKey("workflow_id", "key")
    workflow = models.ForeignKey(
        Workflow,
        models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="streams",
    )
    key = models.TextField(_("key"))
    next_offset = models.BigIntegerField(_("next offset"), default=0)
    is_closed = models.BooleanField(_("closed"), default=False)

    class Meta:
        verbose_name = _("stream")
        verbose_name_plural = _("streams")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.workflow_id}: {self.key}"


class StreamEntry(models.Model):
    """One value of a stream."""

    pk = models.CompositePrimaryKey("workflow_id", "key", "offset")
    workflow = models.ForeignKey(
        Workflow,
        models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="stream_entries",
    )
    key = models.TextField(_("key"))
    offset = models.BigIntegerField(_("offset"))
    value = models.TextField(_("value"))
    branch = models.TextField(_("branch"), default="", blank=True)
    step_id = models.IntegerField(_("step"))
    attempt = models.IntegerField(_("attempt"), default=1)
    written_at = models.DateTimeField(_("written at"))

    class Meta:
        verbose_name = _("stream entry")
        verbose_name_plural = _("stream entries")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.workflow_id}: {self.key} {self.offset}"
