"""The pages of bulk runs."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseRedirect,
)
from django.utils.translation import gettext as _

from django_durable import bulk, clock, conf
from django_durable.admin import audit, dashboard
from django_durable.admin.actions.asking import list_page
from django_durable.admin.actions.bulk import ask_about, counts_of, form_for
from django_durable.admin.actions.operations import OPERATIONS
from django_durable.admin.figures.workers import crew
from django_durable.admin.holds import held_up
from django_durable.admin.pages import answer, render
from django_durable.admin.runs import listing
from django_durable.admin.runs.rows import Run, may_abort, run
from django_durable.bulk import PREFIX
from django_durable.bulk.actor import Actor
from django_durable.bulk.selection import BadSelection, Selection, read_selection
from django_durable.display import visible
from django_durable.exceptions import WorkflowConflict
from django_durable.models import Workflow

ONE = "admin/django_durable/console/run.html"
# Ahead of everything else: somebody is watching.
PRIORITY = 100


def page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """List the runs, or begin the one that was confirmed."""
    if request.method == "POST":
        return _begin(model_admin, request)
    return listing.page(model_admin, request)


def one(model_admin: Any, request: HttpRequest, key: UUID) -> HttpResponse:
    """Show how far a run is."""
    found = _found(model_admin, request, key)
    context = {
        "title": _("Bulk action"),
        "run": found,
        "summary": listing.summary(found),
        "held_up": held_up(found.workflow),
        "is_over": found.workflow.is_finished,
        "is_unserved": not found.workflow.is_finished and _is_unserved(),
        "may_abort": may_abort(Actor(model_admin, request), found),
        "live_address": dashboard.address(request, "api_bulk", str(key)),
        "live_version": found.workflow.status,
    }
    return render(model_admin, request, ONE, context)


def progress(model_admin: Any, request: HttpRequest, key: UUID) -> HttpResponse:
    """Answer with the numbers of a run."""
    found = _found(model_admin, request, key)
    numbers = {
        name: str(getattr(found, name)) for name in ("done", "refused", "left", "total")
    }
    numbers["through"] = str(found.through)
    numbers["summary"] = listing.summary(found)
    numbers["held_up"] = held_up(found.workflow)
    return answer(request, {"figures": numbers, "version": found.workflow.status})


def _found(model_admin: Any, request: HttpRequest, key: UUID) -> Run:
    found = run(Actor(model_admin, request), str(key))
    if found is None:
        raise Http404
    return found


def _begin(model_admin: Any, request: HttpRequest) -> HttpResponse:
    try:
        selection = read_selection(request, request.POST.get("selection", ""))
    except BadSelection:
        return HttpResponseBadRequest(_("The selection has expired. Select again."))
    actor = Actor(model_admin, request)
    if not actor.may(selection.action):
        raise PermissionDenied
    if run(actor, selection.key) is None:
        form = form_for(selection, request.POST)
        if not form.is_valid():
            rows = selection.rows(actor.rows(), with_data=actor.sees_data)
            return ask_about(
                model_admin, request, selection, rows, counts_of(rows), form
            )
        try:
            _start(actor, selection, form.cleaned_data)
        except WorkflowConflict as conflict:
            model_admin.message_user(request, visible(conflict), messages.ERROR)
            return HttpResponseRedirect(list_page(model_admin))
    address = dashboard.address(request, "bulk_run", selection.key)
    return HttpResponseRedirect(address)


def _start(actor: Actor, selection: Selection, given: Mapping[str, Any]) -> None:
    """Start the workflow, and write that down, both or neither."""
    request, by = actor.request, actor.request.user.get_username()
    reason, queue_name = given["reason"], given.get("queue_name") or None
    order = {
        "selection": {**asdict(selection), "params": dict(selection.params)},
        "site": actor.model_admin.admin_site.name,
        "user": str(request.user.pk),
        "by": by,
        "reason": reason,
        "queue_name": queue_name,
    }
    facts = {
        "action": selection.action,
        "by": by,
        "user": order["user"],
        "reason": reason,
        "total": selection.count,
        **({"queue_name": queue_name} if queue_name else {}),
    }
    start = bulk.bulk.using(
        workflow_id=f"{PREFIX}{selection.key}", priority=PRIORITY, attributes=facts
    )
    using = conf.current().database
    with transaction.atomic(using=using):
        handle = start.start(order)
        if handle.created:
            row = Workflow.objects.using(using).get(pk=handle.workflow_id)
            label = OPERATIONS[selection.action].label
            text = f"{label}: {selection.count}"
            if queue_name:
                text += _(", in the queue “%s”") % queue_name
            audit.record(
                actor.model_admin, request, row, "bulk", reason=reason, outcome=text
            )


def _is_unserved() -> bool:
    """Tell whether no living worker would execute it."""
    workers = crew(conf.current().database, clock.now(), {})
    return not workers.of_queue(bulk.bulk.queue_name)
