"""What customers ask."""

import uuid

from django.db import models
from django.utils import timezone

from django_durable.models import Workflow


class Question(models.Model):
    """One question of a conversation; a workflow of its own answers it."""

    conversation = models.UUIDField(default=uuid.uuid4, db_index=True)
    text = models.CharField("question", max_length=200)
    asked_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.text

    @property
    def workflow_id(self) -> str:
        """The id of the workflow that answers."""
        return f"advice-{self.pk}"

    @property
    def workflow(self) -> Workflow | None:
        """The workflow that answers, None if somebody has deleted it."""
        return Workflow.objects.filter(pk=self.workflow_id).first()
