"""What a run does to one workflow. It was read when its batch began."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from django_durable.exceptions import InvalidTransition, WorkflowNotFound
from django_durable.models.status import ACTIVE, Status
from django_durable.models.transitions import RESUMABLE


class Refused(Exception):
    """It could not be done; the text says why."""


@dataclass(frozen=True, slots=True)
class Wish:
    """The reason that a cancelled row keeps; the queue in which one goes on."""

    reason: str
    queue_name: str | None = None


def _cancel(workflow: Any, wish: Wish) -> None:
    was_active = workflow.status in ACTIVE
    took = workflow.cancel(wish.reason)
    # Another one of the batch may have taken it along: its parent.
    if not took and not (was_active and workflow.status == Status.CANCELLED):
        status = workflow.get_status_display()
        raise Refused(_("It had ended already: %s.") % status)


def _resume(workflow: Any, wish: Wish) -> None:
    try:
        workflow.resume(queue_name=wish.queue_name)
    except InvalidTransition as error:
        if workflow.status not in RESUMABLE or error.status in RESUMABLE:
            raise


def _restart(workflow: Any, wish: Wish) -> None:
    workflow.restart()


def _delete(workflow: Any, wish: Wish) -> None:
    with suppress(WorkflowNotFound):
        workflow.delete()


ACTIONS: Mapping[str, Callable[[Any, Wish], None]] = {
    "cancel": _cancel,
    "resume": _resume,
    "restart": _restart,
    "delete": _delete,
}
