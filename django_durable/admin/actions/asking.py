"""What every page that acts on one workflow has in common."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from django_durable.admin import audit, confirming
from django_durable.admin.actions.operations import Answer, Done, Operation
from django_durable.display import visible
from django_durable.exceptions import DurableError
from django_durable.models.ids import new_workflow_id


def fresh_nonce() -> str:
    """Return what makes a form's double click the same as one click."""
    return new_workflow_id()


class ActionForm(confirming.ReasonForm):
    """A reason, and the nonce of the page that was shown."""

    nonce = forms.UUIDField(widget=forms.HiddenInput)

    def answer(self, request: HttpRequest) -> Answer:
        """Return what the person said; the form is valid."""
        given = self.cleaned_data
        queue_name = given.get("queue_name") or None
        nonce = str(given["nonce"])
        return Answer(request.user, given["reason"], nonce, queue_name)


def found(
    model_admin: Any, request: HttpRequest, object_id: str, operation: Operation
) -> Any:
    """Return the workflow that this user may do this to; else 404 or 403."""
    allowed = getattr(model_admin, f"has_{operation.permission}_permission")
    if not allowed(request):
        raise PermissionDenied
    workflow = model_admin.get_object(request, unquote(object_id))
    if workflow is None:
        raise Http404
    may_see = model_admin.has_view_permission(request, workflow)
    if not (may_see and allowed(request, workflow)):
        raise PermissionDenied
    return workflow


def page_of(model_admin: Any, workflow_id: str) -> str:
    """Return the address of a workflow's page."""
    return reverse(
        "admin:django_durable_workflow_change",
        args=[quote(workflow_id)],
        current_app=model_admin.admin_site.name,
    )


def list_page(model_admin: Any) -> str:
    """Return the address of the list."""
    return reverse(
        "admin:django_durable_workflow_changelist",
        current_app=model_admin.admin_site.name,
    )


def refused(
    model_admin: Any, request: HttpRequest, workflow: Any, error: object
) -> HttpResponse:
    """Go back to the workflow, and say why nothing was done."""
    text = visible(error, limit=500, lines=False)
    model_admin.message_user(request, text, messages.ERROR)
    return HttpResponseRedirect(page_of(model_admin, workflow.pk))


def finish(
    model_admin: Any,
    request: HttpRequest,
    workflow: Any,
    operation: Operation,
    answer: Answer,
) -> HttpResponse:
    """Do it, write it down, say what came of it, and go where that can be seen."""
    workflow_id = workflow.pk
    try:
        done = operation.perform(workflow, answer)
    except (DurableError, IntegrityError, ValueError) as error:
        return refused(model_admin, request, workflow, error)
    workflow.pk = workflow_id  # Django forgets it with the row.
    return told(model_admin, request, workflow, operation.name, answer, done)


def told(
    model_admin: Any,
    request: HttpRequest,
    workflow: Any,
    action: str,
    answer: Answer,
    done: Done,
) -> HttpResponse:
    """Write down what was done, and answer with the page that shows it."""
    if done.took:
        audit.record(
            model_admin,
            request,
            workflow,
            action,
            reason=answer.reason,
            outcome=done.text,
        )
    shown = visible(workflow.pk, limit=100, lines=False)
    level = messages.SUCCESS if done.took else messages.WARNING
    model_admin.message_user(request, f"{shown}: {done.text}", level)
    if action == "delete":
        return HttpResponseRedirect(list_page(model_admin))
    target = done.made.pk if done.made is not None else workflow.pk
    return HttpResponseRedirect(page_of(model_admin, target))
