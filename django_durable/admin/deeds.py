"""What comes of an answer: something is done, written down, and told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from django_durable import conf
from django_durable.admin import audit, confirming
from django_durable.display import visible
from django_durable.exceptions import DurableError
from django_durable.models import faults, sql

# What those may be told in words who ask for a start, or for another operation.
REFUSALS = (DurableError, ImproperlyConfigured, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done: a sentence, to which row, and whether it took.

    ``action`` is the word that begins the line in the row's history.
    """

    action: str
    row: Any
    text: str
    took: bool = True


# Takes what the form has; what it raises is said in the form, which asks again.
Perform = Callable[[Mapping[str, Any]], Deed]


def answered(
    model_admin: Any,
    request: HttpRequest,
    question: confirming.Question,
    form: forms.Form,
    perform: Perform,
) -> HttpResponse:
    """Ask until the form is filled in; then do it, and go back.

    It is done and written down, or neither; ``perform`` may lock rows.
    """
    if not (request.method == "POST" and form.is_valid()):
        return confirming.ask(model_admin, request, question, form)
    given, using = form.cleaned_data, conf.current().database

    def do() -> Deed:
        with transaction.atomic(using=using):
            # As the models' own transactions are, which are parts of this one.
            sql.read_committed(connections[using])
            sql.limit_lock_wait(connections[using])
            deed = perform(given)
            _record(model_admin, request, deed, given["reason"])
        return deed

    try:
        deed = faults.retry_conflicts(using, do)
    except ValidationError as error:
        form.add_error(None, error)
    except REFUSALS as error:
        form.add_error(None, visible(error, limit=500, lines=False))
    if form.errors:
        return confirming.ask(model_admin, request, question, form)
    level = messages.SUCCESS if deed.took else messages.WARNING
    # In quotes: Django makes the first letter of a message large.
    shown = visible(deed.row, limit=80, lines=False)
    model_admin.message_user(request, f"“{shown}”: {deed.text}", level)
    return HttpResponseRedirect(question.back)


def _record(model_admin: Any, request: HttpRequest, deed: Deed, reason: str) -> None:
    """Write down what was done; nothing of what did not take."""
    if deed.took:
        audit.record(
            *(model_admin, request, deed.row, deed.action),
            reason=reason,
            outcome=deed.text,
        )
