"""Sending a message to a workflow: a form by its schema, else JSON."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _, gettext_lazy

from django_durable import conf
from django_durable.admin import confirming
from django_durable.admin.actions.asking import (
    ActionForm,
    found,
    fresh_nonce,
    page_of,
    told,
)
from django_durable.admin.actions.json_field import BoundedJSONField
from django_durable.admin.actions.operations import OPERATIONS, Done
from django_durable.admin.actions.schemas import (
    message_fields,
    message_of,
    schema_for,
)
from django_durable.definitions import communication
from django_durable.definitions.schemas import shape
from django_durable.display import visible
from django_durable.exceptions import DurableError
from django_durable.models import Workflow
from django_durable.models.ids import may_exist

OPERATION = OPERATIONS["send"]
PREFIX = "message_"


class SendForm(ActionForm):
    """Topic and message; the fields of the message come from its schema."""

    # Not stripped: what was permitted is what is sent.
    topic = forms.CharField(
        label=gettext_lazy("Topic"), max_length=255, required=False, strip=False
    )
    field_order = ("topic",)

    def __init__(self, *args: Any, schema: type[Any] | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.schema = schema
        if schema is None:
            self.fields["message"] = BoundedJSONField(
                label=gettext_lazy("Message, as JSON")
            )
        else:
            # The form is one for this topic.
            self.fields["topic"].widget = forms.HiddenInput()
            for name, field in message_fields(schema).items():
                self.fields[PREFIX + name] = field
                field.label = name
        self.order_fields([name for name in self.fields if name != "reason"])

    def clean(self) -> dict[str, Any]:
        """Refuse a message that its schema refuses."""
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        if self.schema is None:
            cleaned["value"] = cleaned["message"]
            return cleaned
        message = message_of(self.schema, self.message_fields_given(cleaned))
        try:
            shape(message, self.schema, _("The message"))
        except (TypeError, ValueError) as error:
            raise forms.ValidationError(visible(error, limit=500)) from None
        cleaned["value"] = message
        return cleaned

    def message_fields_given(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of the message by their names in its schema."""
        return {
            name.removeprefix(PREFIX): value
            for name, value in cleaned.items()
            if name.startswith(PREFIX)
        }


def page(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Show the form, or send what it says, once."""
    workflow = found(model_admin, request, object_id, OPERATION)
    topic = _topic(workflow, request)
    if not model_admin.has_topic_permission(request, workflow, topic):
        raise PermissionDenied
    schema = schema_for(workflow.name, topic)
    if request.method != "POST":
        initial = {"nonce": fresh_nonce(), "topic": topic}
        form = SendForm(schema=schema, initial=initial)
        return _ask(model_admin, request, workflow, form)
    form = SendForm(request.POST, schema=schema)
    if not form.is_valid():
        return _ask(model_admin, request, workflow, form)
    try:
        done = _send(workflow, topic, form)
    except (DurableError, TypeError, ValueError) as error:
        form.add_error(None, visible(error, limit=500, lines=False))
        return _ask(model_admin, request, workflow, form)
    return told(model_admin, request, workflow, "send", form.answer(request), done)


def _send(workflow: Any, topic: str, form: SendForm) -> Done:
    given = form.cleaned_data
    key, using = f"console:{given['nonce']}", conf.current().database
    # The second click of two waits for the first.
    with Workflow.objects.using(using).locked(workflow.pk):
        known = workflow.notifications.using(using).filter(idempotency_key=key)
        is_new = not known.exists()
        communication.send(
            workflow.pk, given["value"], topic or None, idempotency_key=key
        )
    text = _("A message was sent to topic “%s”.") % topic
    return Done(text if topic else _("A message was sent."), took=is_new)


def _topic(workflow: Any, request: HttpRequest) -> str:
    """Return the topic that is asked for, else the one that it waits for."""
    if request.method == "POST":
        given = request.POST.get("topic", "")
    elif "topic" in request.GET:
        given = request.GET["topic"]
    else:
        waits = workflow.waits.filter(kind="message").order_by("wake_at", "key")
        given = waits.values_list("key", flat=True).first() or ""
    return given if may_exist(given) else ""


def _ask(
    model_admin: Any, request: HttpRequest, workflow: Any, form: SendForm
) -> HttpResponse:
    consequences = [_("The workflow receives it with its next recv() of this topic.")]
    if workflow.is_finished:
        consequences = [_("The workflow has ended: the message is kept, unread.")]
    question = confirming.Question(
        title=OPERATION.title,
        button=_("Send"),
        back=page_of(model_admin, workflow.pk),
        consequences=consequences,
        remains=[_("A message cannot be taken back.")],
        workflows=[workflow],
    )
    return confirming.ask(model_admin, request, question, form)
