"""Messages sent to workflows."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from django.db import connections, models, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from django_durable import clock, signals
from django_durable.exceptions import WorkflowNotFound
from django_durable.models import hints, letters as statements
from django_durable.models.checkpoint import Checkpoint, Recorded, Verdict
from django_durable.models.letters import Letter
from django_durable.models.step import Step
from django_durable.models.workflow import Workflow

logger = logging.getLogger("django_durable")

# Of one INSERT: SQLite takes a limited number of parameters.
LARGEST_INSERT = 500


class NotificationQuerySet(models.QuerySet["Notification"]):
    """Messages by destination, topic and order."""

    def send(self, letters: Sequence[Letter]) -> None:
        """Insert messages of outside code, all or none; announce on commit.

        A message whose idempotency key its destination knows is not sent again.
        Raises WorkflowNotFound.
        """
        connection, now = connections[self.db], clock.now()
        targets = [letter.target for letter in letters]
        with self._as_one(letters):
            for start in range(0, len(letters), LARGEST_INSERT):
                some = letters[start : start + LARGEST_INSERT]
                with hints.riding(connection, targets) as hint:
                    count = statements.insert(connection, some, now, hint)
                if count < len(some):
                    self._explain(some)
        is_hinted = bool(hint) and count == len(letters)
        signals.publish(self.db, *targets, is_hinted=is_hinted)

    def unread(self, workflow_id: str, topic: str) -> "NotificationQuerySet":
        """Keep the messages of a topic that nobody has received, oldest first."""
        mine = self.filter(destination=workflow_id, topic=topic, consumed_by=None)
        return mine.order_by("id")

    def receive(self, checkpoint: Checkpoint, topic: str) -> Recorded | None:
        """Record the oldest unread message of a topic as a step, and consume it.

        In one commit, strictly fenced. None when there is no message.
        """
        got = statements.receive(connections[self.db], checkpoint, topic)
        if got is None or got.verdict is Verdict.RECORDED:
            return got
        return self.receive_as(checkpoint, topic, lambda message: message)

    def receive_as(
        self, checkpoint: Checkpoint, topic: str, output_of: Callable[[str], str]
    ) -> Recorded | None:
        """See receive(); ``output_of`` makes the output of the stored message.

        Waits for the row's lock. None when there is no message.
        """
        with transaction.atomic(using=self.db):
            Workflow.objects.using(self.db).lock(checkpoint.workflow_id)
            mine = self.unread(checkpoint.workflow_id, topic)
            found = mine.values_list("pk", "message").first()
            if found is None:
                return None
            pk, message = found
            full = checkpoint._replace(output=output_of(message))
            recorded = Step.objects.using(self.db).record_held(full)
            if recorded.verdict is not Verdict.RECORDED:
                return recorded
            self.filter(pk=pk).update(
                consumed_branch=full.branch, consumed_by=full.step_id
            )
            return recorded._replace(checkpoint=full)

    @contextmanager
    def _as_one(self, letters: Sequence[Letter]) -> Iterator[None]:
        if len(letters) == 1:  # One statement is a transaction of its own.
            yield
            return
        with transaction.atomic(using=self.db):
            yield

    def _explain(self, letters: Sequence[Letter]) -> None:
        """Say why messages did not go in: no destination, or sent before."""
        there = statements.existing(connections[self.db], letters)
        for letter in letters:
            if letter.destination not in there:
                raise WorkflowNotFound(letter.destination)
        keyed = [letter for letter in letters if letter.idempotency_key is not None]
        for letter in keyed:
            first = self.filter(
                destination=letter.destination, idempotency_key=letter.idempotency_key
            ).first()
            if first and (first.topic, first.message) != (letter.topic, letter.message):
                logger.warning(
                    "Workflow %s was sent another message under the idempotency key"
                    " %r; the first one counts.",
                    letter.destination,
                    letter.idempotency_key,
                    extra={"workflow_id": letter.destination},
                )


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

    objects = NotificationQuerySet.as_manager()

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["destination", "idempotency_key"],
                name="durable_notification_once",
                condition=Q(idempotency_key__isnull=False),
            ),
        ]
        indexes = [
            # receive(): the lowest unread message of a topic.
            models.Index(
                fields=["destination", "topic", "id"],
                name="durable_notification_unread",
                condition=Q(consumed_by__isnull=True),
            ),
            # fork(), delete(), the console: whatever was sent to a workflow.
            models.Index(fields=["destination"], name="durable_notification_to"),
        ]

    def __str__(self) -> str:
        return f"{self.destination_id}: {self.topic}"
