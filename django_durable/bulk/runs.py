"""What operators ask of many workflows, as a workflow of ours: batch by batch.

It is listed, watched and cancelled like any other, and survives the same crashes.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db.models import Q

from django_durable import conf
from django_durable.bulk.selection import Selection
from django_durable.definitions.communication import set_event
from django_durable.definitions.context import workflow_id
from django_durable.definitions.decorators import step, transaction, workflow
from django_durable.exceptions import DurableError, WorkflowNotFound
from django_durable.models import Workflow
from django_durable.models.status import ACTIVE, Status
from django_durable.models.transitions import RESUMABLE

NAME = "django_durable.bulk"
PROGRESS = "progress"
BATCH = 50
# So many refusals are told in words.
MOST_REASONS = 20

Order = Mapping[str, Any]
"""``selection`` (the fields of the console's), ``by``, ``user``, ``reason``."""


@workflow(NAME, version="1")
def bulk(order: Order) -> dict[str, Any]:
    """Do what was ordered to all that was selected; return how it went."""
    done = refused = 0
    reasons: dict[str, str] = {}
    left, after = int(order["selection"]["count"]), None
    while left > 0:
        chosen, after = choose(order, after, min(BATCH, left))
        if not chosen:
            break
        left -= len(chosen)
        outcomes = act(order, chosen)
        taken = [pk for pk, text in outcomes.items() if text is None]
        note(order, taken)
        done += len(taken)
        refused += len(outcomes) - len(taken)
        told = {pk: text for pk, text in outcomes.items() if text is not None}
        reasons = dict([*reasons.items(), *told.items()][:MOST_REASONS])
        progress = {"done": done, "refused": refused, "reasons": reasons}
        set_event(PROGRESS, progress)
    return {"done": done, "refused": refused, "reasons": reasons}


@step("django_durable.bulk.choose", max_attempts=5)
def choose(order: Order, after: Any, limit: int) -> tuple[list[Any], Any]:
    """Return the ids and statuses of the next ones, and where to go on after them."""
    rows = Selection(**order["selection"]).rows(_workflows())
    if after is not None:
        at, pk = datetime.fromisoformat(after[0]), after[1]
        rows = rows.filter(Q(created_at__gt=at) | Q(created_at=at, pk__gt=pk))
    rows = rows.order_by("created_at", "pk")
    found = list(rows.values_list("pk", "status", "created_at")[:limit])
    if not found:
        return [], None
    last = [found[-1][2].isoformat(), found[-1][0]]
    return [[pk, status] for pk, status, _ in found], last


@step("django_durable.bulk.act", max_attempts=5)
def act(order: Order, chosen: Sequence[Any]) -> dict[str, str | None]:
    """Do it to each; return None, or why it could not be done, by id.

    A batch whose worker died is done again. What counts is therefore where each
    workflow stands afterwards, compared with where it stood when it was chosen.
    """
    do = ACTIONS[order["selection"]["action"]]
    outcomes: dict[str, str | None] = {}
    for pk, status in chosen:
        try:
            do(order, pk, status)
            outcomes[pk] = None
        except (DurableError, _Refused) as error:
            outcomes[pk] = str(error)[:300]
    return outcomes


@transaction("django_durable.bulk.note")
def note(order: Order, ids: Sequence[str]) -> None:
    """Write a line into the history of each, as for those that are done singly."""
    if not ids or not apps.is_installed("django.contrib.admin"):
        return
    user = get_user_model()._default_manager.filter(pk=order["user"]).first()
    if user is None:
        return
    entries: Any = apps.get_model("admin", "LogEntry")
    kinds: Any = apps.get_model("contenttypes", "ContentType")
    action = order["selection"]["action"]
    reason = f" Reason: {order['reason']}" if order["reason"] else ""
    kind = kinds.objects.get_for_model(Workflow)
    entries.objects.bulk_create(
        entries(
            user_id=user.pk,
            content_type_id=kind.pk,
            object_id=pk,
            object_repr=pk[:200],
            action_flag=2,
            change_message=f"{action}: with {workflow_id()}.{reason}",
        )
        for pk in ids
    )


def _cancel(order: Order, pk: str, status: str) -> None:
    reason = f"cancelled by {order['by']} in the admin, with {workflow_id()}"
    if order["reason"]:
        reason += f": {order['reason']}"
    row = _workflow(pk)
    if row.cancel(reason) or (status in ACTIVE and row.status == Status.CANCELLED):
        return
    raise _Refused(f"It had ended already: {row.get_status_display()}.")


def _resume(order: Order, pk: str, status: str) -> None:
    row = _workflow(pk)
    if status not in RESUMABLE or row.status in RESUMABLE:
        row.resume()  # Else it has gone on already, by a try that was lost.


def _restart(order: Order, pk: str, status: str) -> None:
    twin = uuid5(NAMESPACE_URL, f"{workflow_id()}/{pk}")
    _workflow(pk).restart(workflow_id=str(twin))


def _delete(order: Order, pk: str, status: str) -> None:
    with suppress(WorkflowNotFound):  # Gone: that is what was wanted.
        _workflow(pk).delete()


class _Refused(Exception):
    """One of many could not be done; caught where it is counted."""


ACTIONS: dict[str, Callable[[Order, str, str], None]] = {
    "cancel": _cancel,
    "resume": _resume,
    "restart": _restart,
    "delete": _delete,
}


def _workflows() -> Any:
    return Workflow.objects.using(conf.current().database)


def _workflow(pk: str) -> Workflow:
    found: Workflow | None = _workflows().filter(pk=pk).first()
    if found is None:
        raise WorkflowNotFound(pk)
    return found
