"""Starting a workflow by hand: only what its author has offered."""

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _, gettext_lazy

from django_durable import conf
from django_durable.admin import confirming
from django_durable.admin.actions.asking import (
    ActionForm,
    fresh_nonce,
    list_page,
    told,
)
from django_durable.admin.actions.json_field import BoundedJSONField
from django_durable.admin.actions.operations import Done
from django_durable.definitions import registry
from django_durable.display import visible
from django_durable.exceptions import DurableError
from django_durable.models import Workflow


def offered() -> dict[str, Any]:
    """Return the definitions that may be started here, by name."""
    return {
        definition.name: definition
        for definition in registry.all_definitions()
        if getattr(definition, "admin", False)
    }


class StartForm(ActionForm):
    """Which workflow, with which arguments."""

    name = forms.ChoiceField(label=gettext_lazy("Workflow"))
    args = BoundedJSONField(
        label=gettext_lazy("Arguments"),
        kind=list,
        required=False,
        help_text=gettext_lazy("A JSON list, in the order of the parameters."),
    )
    kwargs = BoundedJSONField(
        label=gettext_lazy("Arguments by name"),
        kind=dict,
        required=False,
        help_text=gettext_lazy("A JSON object."),
    )
    workflow_id = forms.CharField(
        label=gettext_lazy("Id"),
        max_length=255,
        required=False,
        help_text=gettext_lazy("Left empty, it gets one."),
    )
    queue_name = forms.CharField(
        label=gettext_lazy("Queue"),
        max_length=64,
        required=False,
        help_text=gettext_lazy("Left empty: that of the definition."),
    )
    field_order = ("name", "args", "kwargs", "workflow_id", "queue_name", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.definitions = offered()
        shown = [
            (name, f"{name}{_signature(each)}")
            for name, each in self.definitions.items()
        ]
        field = self.fields["name"]
        field.choices = shown  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Refuse arguments that the function does not take."""
        cleaned = super().clean() or self.cleaned_data
        definition = self.definitions.get(cleaned.get("name", ""))
        if definition is not None and not self.errors:
            try:
                definition.bind_arguments(
                    cleaned["args"] or [], cleaned["kwargs"] or {}
                )
            except TypeError as error:
                raise ValidationError(visible(error, limit=500)) from None
        return cleaned


def page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Show the form, or start what it says, once."""
    if not model_admin.has_start_permission(request):
        raise PermissionDenied
    if request.method != "POST":
        return _ask(model_admin, request, StartForm(initial={"nonce": fresh_nonce()}))
    form = StartForm(request.POST)
    if not form.is_valid():
        return _ask(model_admin, request, form)
    try:
        workflow, is_new = _start(form)
    except (DurableError, TypeError, ValueError) as error:
        form.add_error(None, visible(error, limit=500, lines=False))
        return _ask(model_admin, request, form)
    done = Done(_("It was started."))
    if not is_new:
        done = Done(_("It had been started before: nothing new begins."), took=False)
    return told(model_admin, request, workflow, "start", form.answer(request), done)


def _start(form: StartForm) -> tuple[Workflow, bool]:
    given = form.cleaned_data
    definition = form.definitions[given["name"]]
    options: dict[str, Any] = {
        "workflow_id": given["workflow_id"] or str(given["nonce"])
    }
    if given["queue_name"]:
        options["queue_name"] = given["queue_name"]
    handle = definition.using(**options).start(
        *(given["args"] or []), **(given["kwargs"] or {})
    )
    rows = Workflow.objects.using(conf.current().database)
    workflow: Workflow = rows.get(pk=handle.workflow_id)
    return workflow, bool(handle.created)


def _ask(model_admin: Any, request: HttpRequest, form: StartForm) -> HttpResponse:
    consequences = [_("A worker executes it as soon as one is free.")]
    if not form.definitions:
        consequences = [
            _("No workflow is offered here: write @workflow(admin=True) above one.")
        ]
    question = confirming.Question(
        title=_("Start workflow"),
        button=_("Start"),
        back=list_page(model_admin),
        consequences=consequences,
    )
    return confirming.ask(model_admin, request, question, form)


def _signature(definition: Any) -> str:
    return visible(definition.signature, limit=120, lines=False)
