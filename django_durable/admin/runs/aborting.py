"""Aborting a bulk run: a question, an answer, and what stays as it is."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from django_durable.admin import audit, confirming, dashboard
from django_durable.admin.actions.operations import OPERATIONS, Answer
from django_durable.admin.runs.rows import Run, may_abort, run
from django_durable.bulk.actor import Actor
from django_durable.display import visible
from django_durable.exceptions import WorkflowNotFound


def page(model_admin: Any, request: HttpRequest, key: UUID) -> HttpResponse:
    """Ask before a run is aborted; then abort it."""
    actor = Actor(model_admin, request)
    found = run(actor, str(key))
    if found is None:
        raise Http404
    if not may_abort(actor, found):
        raise PermissionDenied
    form = confirming.ReasonForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _ask(model_admin, request, found, form)
    try:
        _abort(model_admin, request, found, form.cleaned_data["reason"])
    except WorkflowNotFound as error:  # Deleted since it was read.
        text = visible(error, limit=500, lines=False)
        model_admin.message_user(request, text, messages.ERROR)
        return HttpResponseRedirect(dashboard.address(request, "bulk"))
    return HttpResponseRedirect(_back(request, found))


def _ask(
    model_admin: Any, request: HttpRequest, found: Run, form: confirming.ReasonForm
) -> HttpResponse:
    question = confirming.Question(
        title=_("Abort the bulk action?"),
        button=_("Abort"),
        back=_back(request, found),
        consequences=[
            _("It stops after the batch that it is at."),
            _("What it has not come to by then is left alone."),
        ],
        remains=[
            _("What it has done to %d workflows stays done.") % found.done,
            _("Resumed as a workflow, it goes on with the rest."),
        ],
        workflows=[found.workflow],
        is_dangerous=True,
    )
    return confirming.ask(model_admin, request, question, form)


def _abort(model_admin: Any, request: HttpRequest, found: Run, reason: str) -> None:
    """Cancel it, and write that down."""
    answer = Answer(request.user, reason, nonce="")
    done = OPERATIONS["cancel"].perform(found.workflow, answer)
    if done.took:
        audit.record(
            model_admin,
            request,
            found.workflow,
            "abort",
            reason=reason,
            outcome=done.text,
        )
    level = messages.SUCCESS if done.took else messages.WARNING
    model_admin.message_user(request, f"{_('Bulk action')}: {done.text}", level)


def _back(request: HttpRequest, found: Run) -> str:
    return dashboard.address(request, "bulk_run", found.key)
