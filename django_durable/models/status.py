"""Where a workflow stands, and the two facts that its fence checks."""

from typing import NamedTuple

from django.db import models
from django.utils.translation import gettext_lazy as _


class Status(models.TextChoices):
    """The states of a workflow."""

    ENQUEUED = "ENQUEUED", _("queued")
    PENDING = "PENDING", _("running")
    WAITING = "WAITING", _("waiting")
    SUCCESS = "SUCCESS", _("success")
    ERROR = "ERROR", _("error")
    CANCELLED = "CANCELLED", _("cancelled")
    MAX_RECOVERY_ATTEMPTS_EXCEEDED = (
        "MAX_RECOVERY_ATTEMPTS_EXCEEDED",
        _("dead letter"),
    )
    PAUSED = "PAUSED", _("paused")


TERMINAL = (
    Status.SUCCESS,
    Status.ERROR,
    Status.CANCELLED,
    Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED,
)
ACTIVE = (Status.ENQUEUED, Status.PENDING, Status.WAITING, Status.PAUSED)
# Why a workflow was cancelled whose time-out was over.
DEADLINE_REASON = "deadline"
FAILED = (Status.ERROR, Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED)


class Standing(NamedTuple):
    """Who holds a row now, and in which state it is."""

    claim: int
    status: str
