"""Forking: which steps are kept, and which are executed once more."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _, gettext_lazy

from django_durable.admin import confirming
from django_durable.admin.actions.asking import (
    ActionForm,
    found,
    fresh_nonce,
    page_of,
    refused,
    told,
)
from django_durable.admin.actions.operations import OPERATIONS, Done
from django_durable.admin.actions.queue_field import QueueField
from django_durable.admin.pages import render
from django_durable.bulk.actor import Actor
from django_durable.definitions import registry
from django_durable.display import visible
from django_durable.exceptions import DurableError, ForkImpossible
from django_durable.models.forks import ForkOptions

OPERATION = OPERATIONS["fork"]
MOST_LISTED = 50
# As the column of step numbers.
_LARGEST = 2**31 - 1


class PlaceForm(forms.Form):
    """Where the fork begins."""

    step = forms.IntegerField(
        label=gettext_lazy("First step to execute again"),
        min_value=1,
        max_value=_LARGEST,
    )
    branch = forms.CharField(
        label=gettext_lazy("Branch"), required=False, max_length=1000
    )


class ForkForm(ActionForm):
    """Where it begins, and what it takes otherwise than its origin."""

    step = forms.IntegerField(min_value=1, max_value=_LARGEST, widget=forms.HiddenInput)
    branch = forms.CharField(required=False, max_length=1000, widget=forms.HiddenInput)
    queue_name = QueueField(help_text=gettext_lazy("Left empty: that of the original."))
    version = forms.ChoiceField(label=gettext_lazy("Version"), required=False)
    field_order = ("queue_name", "version", "reason")

    def __init__(self, *args: Any, workflow: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", _("the code at hand, else that of the original"))]
        versions = {workflow.version, registry.version_of(workflow.name)}
        choices += [(each, visible(each)) for each in sorted(filter(None, versions))]
        self.fields["version"].choices = choices  # type: ignore[attr-defined]


def page(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Ask for the step, then for the confirmation, then fork."""
    workflow = found(model_admin, request, object_id, OPERATION)
    if text := Actor(model_admin, request).objection_to_run("fork", workflow):
        return refused(model_admin, request, workflow, text)
    if request.method == "POST":
        return _posted(model_admin, request, workflow)
    place = PlaceForm(request.GET) if "step" in request.GET else PlaceForm()
    if not place.is_bound or not place.is_valid():
        return _choose(model_admin, request, workflow, place)
    initial = {**place.cleaned_data, "nonce": fresh_nonce()}
    form = ForkForm(workflow=workflow, initial=initial)
    return _ask(model_admin, request, workflow, form, place.cleaned_data)


def _posted(model_admin: Any, request: HttpRequest, workflow: Any) -> HttpResponse:
    form = ForkForm(request.POST, workflow=workflow)
    if not form.is_valid():
        place = PlaceForm(request.POST)
        if not place.is_valid():
            return _choose(model_admin, request, workflow, place)
        return _ask(model_admin, request, workflow, form, place.cleaned_data)
    given, answer = form.cleaned_data, form.answer(request)
    try:
        made, is_new = _fork(workflow, given, answer.nonce)
    except (DurableError, TypeError, ValueError) as error:
        return refused(model_admin, request, workflow, error)
    text = _("It was forked at step %(step)s as %(id)s.")
    text = text % {"step": given["step"], "id": made.pk}
    done = Done(text, took=is_new, made=made)
    return told(model_admin, request, workflow, "fork", answer, done)


def _fork(workflow: Any, given: dict[str, Any], nonce: str) -> tuple[Any, bool]:
    """Return the copy, and whether it is new: a double click makes one."""
    rows = type(workflow).objects.using(workflow._state.db)
    options = ForkOptions(nonce, given["queue_name"] or None, given["version"] or None)
    pk, is_new = rows.fork_one(
        workflow.pk, given["step"], branch=given["branch"], options=options
    )
    return rows.get(pk=pk), is_new


def _choose(
    model_admin: Any, request: HttpRequest, workflow: Any, form: PlaceForm
) -> HttpResponse:
    context = {
        "title": OPERATION.title,
        "workflow": workflow,
        "form": form,
        "back": page_of(model_admin, workflow.pk),
    }
    template = "admin/django_durable/workflow/fork_place.html"
    return render(model_admin, request, template, context)


def _ask(
    model_admin: Any,
    request: HttpRequest,
    workflow: Any,
    form: ForkForm,
    place: dict[str, Any],
) -> HttpResponse:
    try:
        found = workflow.steps_of_fork(place["step"], branch=place["branch"])
    except ForkImpossible as error:
        return refused(model_admin, request, workflow, error)
    kept, again = (
        rows.defer("output", "error").order_by("started_at", "branch", "step_id")
        for rows in found
    )
    question = confirming.Question(
        title=OPERATION.title,
        button=OPERATION.label,
        back=page_of(model_admin, workflow.pk),
        consequences=[
            _("A new workflow starts with the recorded steps before step %(place)s.")
            % {"place": f"{place['branch']}:{place['step']}".lstrip(":")},
            _("That step, and all after it, are executed again."),
        ],
        remains=[
            _("What the steps below have done stays done, and happens once more."),
            _("The original is not changed, and not stopped."),
        ],
        workflows=[workflow],
        is_dangerous=True,
        details="admin/django_durable/workflow/fork_steps.html",
        facts={
            "kept": kept[:MOST_LISTED],
            "kept_count": kept.count(),
            "again": again[:MOST_LISTED],
            "again_count": again.count(),
        },
    )
    return confirming.ask(model_admin, request, question, form)
