"""Cancel, resume, restart, delete: a question, an answer, a call."""

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse

from django_durable.admin import confirming
from django_durable.admin.actions.asking import (
    ActionForm,
    finish,
    found,
    fresh_nonce,
    page_of,
    refused,
)
from django_durable.admin.actions.operations import OPERATIONS, Operation
from django_durable.admin.actions.queue_field import QueueForm
from django_durable.admin.pages import PageView
from django_durable.bulk.actor import Actor


class ResumeForm(QueueForm, ActionForm):
    """Why, and where it goes on."""


FORMS: dict[str, type[ActionForm]] = {"resume": ResumeForm}


def view(name: str) -> PageView:
    """Return the page of an operation."""
    return partial(_page, OPERATIONS[name])


def _page(
    operation: Operation, model_admin: Any, request: HttpRequest, object_id: str
) -> HttpResponse:
    workflow = found(model_admin, request, object_id, operation)
    if text := Actor(model_admin, request).objection_to_run(operation.name, workflow):
        return refused(model_admin, request, workflow, text)
    form_of = FORMS.get(operation.name, ActionForm)
    if request.method != "POST":
        form = form_of(initial={"nonce": fresh_nonce()})
        return _ask(operation, model_admin, request, workflow, form)
    form = form_of(request.POST)
    if not form.is_valid():
        return _ask(operation, model_admin, request, workflow, form)
    return finish(model_admin, request, workflow, operation, form.answer(request))


def _ask(
    operation: Operation,
    model_admin: Any,
    request: HttpRequest,
    workflow: Any,
    form: ActionForm,
) -> HttpResponse:
    question = confirming.Question(
        title=operation.title,
        button=operation.label,
        back=page_of(model_admin, workflow.pk),
        consequences=operation.consequences,
        remains=operation.remains,
        workflows=[workflow],
        is_dangerous=operation.is_dangerous,
    )
    return confirming.ask(model_admin, request, question, form)
