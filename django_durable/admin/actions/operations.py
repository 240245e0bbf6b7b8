"""The operations on one workflow: what they promise, and the call that does them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _, gettext_lazy

from django_durable import bulk
from django_durable.admin.confirming import Words
from django_durable.models.forks import ForkOptions
from django_durable.models.status import ACTIVE, TERMINAL, Status
from django_durable.models.transitions import RESUMABLE


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it: a sentence, whether anything changed, and what is new."""

    text: str
    took: bool = True
    made: Any = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the person said: who, why, and a nonce that a double click repeats.

    ``queue_name`` is None where nothing is to move.
    """

    user: Any
    reason: str
    nonce: str
    queue_name: str | None = None


def _never(workflow: Any, answer: Answer) -> Done:
    raise NotImplementedError("It has a page of its own.")


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be done.

    ``permission`` is the middle of a method of the admin, ``has_…_permission``.
    ``is_offered`` decides about the link only: the model refuses by itself.
    """

    name: str
    permission: str
    label: Words
    title: Words
    consequences: Sequence[Words]
    remains: Sequence[Words]
    is_offered: Callable[[Any], bool]
    perform: Callable[[Any, Answer], Done] = _never
    is_dangerous: bool = False


def reason_text(answer: Answer, did: str) -> str:
    """Return the reason that a row keeps."""
    by = _("%(did)s by %(user)s in the admin") % {"did": did, "user": answer.user}
    return f"{by}: {answer.reason}" if answer.reason else by


def _cancel(workflow: Any, answer: Answer) -> Done:
    if workflow.cancel(reason_text(answer, "cancelled")):
        return Done(_("It was cancelled."))
    return Done(_("It had ended already."), took=False)


def _resume(workflow: Any, answer: Answer) -> Done:
    workflow.resume(queue_name=answer.queue_name)
    if answer.queue_name is None:
        return Done(_("It goes on from its last completed step."))
    text = _("It goes on from its last completed step, in the queue “%s”.")
    return Done(text % answer.queue_name)


def _restart(workflow: Any, answer: Answer) -> Done:
    rows = type(workflow).objects.using(workflow._state.db)
    options = ForkOptions(workflow_id=answer.nonce)
    pk, is_new = rows.restart_one(workflow.pk, options)
    text = _("It was started anew as %s.") % pk
    return Done(text, took=is_new, made=rows.get(pk=pk))


def _delete(workflow: Any, answer: Answer) -> Done:
    workflow.delete()
    return Done(_("It was deleted."))


def _is_resumable(workflow: Any) -> bool:
    return workflow.status in (*RESUMABLE, Status.ENQUEUED, Status.WAITING)


def _can_be_copied(workflow: Any) -> bool:
    return bool(workflow.name != bulk.NAME)


OPERATIONS: dict[str, Operation] = {
    each.name: each
    for each in (
        Operation(
            name="send",
            permission="send",
            label=gettext_lazy("Send message"),
            title=gettext_lazy("Send a message"),
            consequences=(),
            remains=(),
            is_offered=lambda workflow: workflow.status in ACTIVE,
        ),
        Operation(
            name="cancel",
            permission="cancel",
            label=gettext_lazy("Cancel"),
            title=gettext_lazy("Cancel workflow?"),
            consequences=(
                gettext_lazy("A waiting or queued workflow ends at once."),
                gettext_lazy(
                    "A running one stops before its next step; a step that is running"
                    " may finish, and is recorded."
                ),
                gettext_lazy("Its children are cancelled with it."),
            ),
            remains=(gettext_lazy("What its steps have done stays done."),),
            is_offered=lambda workflow: workflow.status in ACTIVE,
            perform=_cancel,
            is_dangerous=True,
        ),
        Operation(
            name="resume",
            permission="resume",
            label=gettext_lazy("Resume"),
            title=gettext_lazy("Resume workflow?"),
            consequences=(
                gettext_lazy("It goes on after its last completed step."),
                gettext_lazy("A step that was interrupted is executed again."),
                gettext_lazy("Children that were cancelled with it go on, too."),
                gettext_lazy("A stranded one moves to the version at hand."),
                gettext_lazy("A delayed one starts at once."),
            ),
            remains=(),
            is_offered=_is_resumable,
            perform=_resume,
        ),
        Operation(
            name="restart",
            permission="restart",
            label=gettext_lazy("Restart"),
            title=gettext_lazy("Restart workflow?"),
            consequences=(
                gettext_lazy("A new workflow with the same inputs starts at once."),
                gettext_lazy("All of its steps are executed again."),
            ),
            remains=(
                gettext_lazy("What this one has done stays done, and happens again."),
                gettext_lazy("This one is not stopped."),
            ),
            is_offered=_can_be_copied,
            perform=_restart,
            is_dangerous=True,
        ),
        Operation(
            name="fork",
            permission="fork",
            label=gettext_lazy("Fork"),
            title=gettext_lazy("Fork workflow?"),
            consequences=(),
            remains=(),
            is_offered=_can_be_copied,
            is_dangerous=True,
        ),
        Operation(
            name="delete",
            permission="erase",
            label=gettext_lazy("Delete"),
            title=gettext_lazy("Delete workflow?"),
            consequences=(
                gettext_lazy("Its steps, messages, events and streams go with it."),
                gettext_lazy("Its finished children go with it."),
                gettext_lazy("Its id can be used again."),
            ),
            remains=(gettext_lazy("It cannot be brought back."),),
            is_offered=lambda workflow: workflow.status in TERMINAL,
            perform=_delete,
            is_dangerous=True,
        ),
    )
}
