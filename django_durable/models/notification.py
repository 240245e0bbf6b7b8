"""Messages sent to workflows."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from django_durable.models.workflow import Workflow


class Notification(models.Model):
    """A message for one workflow, unread until a step of it consumes it."""

    id = models.BigAutoField(primary_key=True)
    destination = models.ForeignKey(
        Workflow,
        models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="notifications",
    )
    topic = models.TextField(_("topic"), default="", blank=True)
    message = models.TextField(_("message"))
    idempotency_key = models.TextField(_("idempotency key"), null=True)  # noqa: DJ001
    consumed_branch = models.TextField(_("consumed in branch"), default="")
    consumed_by = models.IntegerField(_("consumed by step"), null=True)
    sent_at = models.DateTimeField(_("sent at"))

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["destination", "idempotency_key"],
                name="durable_notification_once",
                condition=models.Q(idempotency_key__isnull=False),
            ),
        ]
        indexes = [
            # recv(): the lowest unread message of a topic.
            models.Index(
                fields=["destination", "topic", "id"],
                name="durable_notification_unread",
                condition=models.Q(consumed_by__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.destination_id}: {self.topic}"
