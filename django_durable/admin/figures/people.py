"""What waits for a person."""

from datetime import datetime

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from django_durable.models import Notification, Step, Wait
from django_durable.models.status import Status
from django_durable.models.workflow import PAYLOADS


def requests(using: str, now: datetime) -> "QuerySet[Wait]":
    """Keep the waits for a person that are open; the next deadline first.

    Not one that was answered or timed out, although its workflow has not gone on.
    """
    steps = Step.objects.using(using).filter(
        workflow_id=OuterRef("workflow_id"),
        branch=OuterRef("branch"),
        step_id=OuterRef("step_id"),
    )
    answers = Notification.objects.using(using).filter(
        destination_id=OuterRef("awaited_id"), topic=OuterRef("key"), consumed_by=None
    )
    return (
        Wait.objects.using(using)
        .filter(
            Q(wake_at=None) | Q(wake_at__gt=now),
            is_human=True,
            workflow__status__in=(Status.WAITING, Status.PENDING),
        )
        .exclude(Exists(steps))
        .exclude(Exists(answers))
        .order_by(F("wake_at").asc(nulls_last=True), "workflow_id", "branch", "step_id")
    )


def requests_with_workflows(using: str, now: datetime) -> "QuerySet[Wait]":
    """Return requests() with who asks, as lists show them."""
    payloads = [f"workflow__{name}" for name in PAYLOADS]
    return requests(using, now).select_related("workflow").defer(*payloads)
