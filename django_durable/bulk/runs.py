"""The workflow that does what was ordered, batch by batch.

It is listed, watched and cancelled like any other, and survives the same crashes.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connections
from django.db.models import Q
from django.utils.translation import gettext as _

from django_durable import conf
from django_durable.bulk.actions import ACTIONS, Refused, Wish
from django_durable.bulk.actor import NAME, NOT_TWICE, Actor, Stopped, actor_of
from django_durable.bulk.selection import Selection
from django_durable.definitions.communication import set_event
from django_durable.definitions.context import workflow_id
from django_durable.definitions.decorators import step, transaction, workflow
from django_durable.display import visible
from django_durable.exceptions import DurableError
from django_durable.models import Workflow, sql

# What the id of each begins with; the key of its selection follows.
PREFIX = "bulk-"
PROGRESS = "progress"
BATCH = 50
# So many refusals are told in words.
MOST_REASONS = 20
# Of a line in the history.
MOST_CHARACTERS = 1000

Order = Mapping[str, Any]
"""``selection``, its fields; who it is from: ``site``, ``user``, ``by``; ``reason``;
``queue_name``, in which what is resumed goes on, or None."""

Progress = dict[str, Any]
"""``done`` and ``refused``, in numbers; ``reasons`` of some; why it ``stopped``."""


@workflow(NAME, version="1")
def bulk(order: Order) -> Progress:
    """Do what was ordered to all that was selected; return how it went."""
    if workflow_id() != PREFIX + order["selection"]["key"]:
        raise Stopped(NOT_TWICE)
    progress: Progress = {"done": 0, "refused": 0, "reasons": {}, "stopped": ""}
    left, after = int(order["selection"]["count"]), None
    while left > 0:
        chosen, after = choose(order, after, min(BATCH, left))
        if chosen is None:
            break
        progress = act(order, chosen, progress)
        if progress["stopped"]:
            raise Stopped(progress["stopped"])
        left -= len(chosen)
    return progress


@step("django_durable.bulk.choose", max_attempts=5)
def choose(order: Order, after: Any, limit: int) -> tuple[list[str] | None, Any]:
    """Return the ids of the next ones, None at the end; and where to go on."""
    try:
        actor = actor_of(order)
    except Stopped:
        return [], after  # act() meets it, too, and says so.
    selection = Selection(**order["selection"])
    rows = selection.rows(actor.rows(), with_data=actor.sees_data)
    if after is not None:
        at, pk = datetime.fromisoformat(after[0]), after[1]
        rows = rows.filter(Q(created_at__gt=at) | Q(created_at=at, pk__gt=pk))
    found = list(rows.order_by("created_at", "pk")[:limit])
    if not found:
        return None, after
    if selection.action == "delete":
        theirs = [row.pk for row in found if not actor.objection("delete", row)]
        # What they are still executing is not recorded between two statements of
        # their deletion; in the transaction of act() it would be too late.
        _workflows().fence(theirs)
    return [row.pk for row in found], [found[-1].created_at.isoformat(), found[-1].pk]


@transaction("django_durable.bulk.act", max_attempts=5)
def act(order: Order, chosen: Sequence[str], progress: Progress) -> Progress:
    """Do it to each; return and publish how far the run has come.

    What is done, the history and the count commit together, or not at all: an
    aborted run has done what it shows, and goes on from there when it is resumed.
    """
    sql.read_committed(connections[conf.current().database])
    try:
        actor = actor_of(order)
    except Stopped as why:
        progress = {**progress, "stopped": str(why)}
    else:
        progress = _added(progress, _act_on_each(actor, order, chosen))
    set_event(PROGRESS, progress)
    return progress


def _act_on_each(
    actor: Actor, order: Order, chosen: Sequence[str]
) -> dict[str, str | None]:
    """Return None, or why it could not be done, by id."""
    found = {row.pk: row for row in actor.rows().filter(pk__in=chosen)}
    return {pk: _act_on(actor, order, found.get(pk)) for pk in chosen}


def _act_on(actor: Actor, order: Order, workflow: Any) -> str | None:
    if workflow is None:
        return _("It does not exist any more.")
    pk, action = workflow.pk, order["selection"]["action"]
    queue_name = order.get("queue_name")  # Orders of earlier releases have none.
    if objection := actor.objection(action, workflow):
        return objection
    try:
        ACTIONS[action](workflow, Wish(_reason(order), queue_name))
    except (DurableError, IntegrityError, Refused) as error:
        return visible(error, limit=300, lines=False)
    workflow.pk = pk  # Django forgets it with the row.
    text = f"{action}: with {workflow_id()}"
    if queue_name:
        text += f", in the queue “{queue_name}”."
    if order["reason"]:
        text += f" Reason: {order['reason']}"
    # Where the admin's log lives in another database, a batch that is tried again
    # may be in it twice.
    text = visible(text, limit=MOST_CHARACTERS, lines=False)
    actor.model_admin.log_change(actor.request, workflow, text)
    return None


def _added(progress: Progress, outcomes: Mapping[str, str | None]) -> Progress:
    refused = {pk: text for pk, text in outcomes.items() if text is not None}
    reasons = [*progress["reasons"].items(), *refused.items()][:MOST_REASONS]
    return {
        "done": progress["done"] + len(outcomes) - len(refused),
        "refused": progress["refused"] + len(refused),
        "reasons": dict(reasons),
        "stopped": "",
    }


def _reason(order: Order) -> str:
    """Return the reason that a cancelled row keeps."""
    text = f"cancelled by {order['by']} in the admin, with {workflow_id()}"
    return f"{text}: {order['reason']}" if order["reason"] else text


def _workflows() -> Any:
    return Workflow.objects.using(conf.current().database)
