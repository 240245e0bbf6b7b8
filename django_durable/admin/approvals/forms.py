"""The form of an answer: by the schema of what is expected, else yes, no or JSON."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _, gettext_lazy

from django_durable import clock
from django_durable.admin.actions.json_field import BoundedJSONField
from django_durable.admin.actions.sending import PREFIX, SendForm

YES_NO = (("yes", gettext_lazy("yes")), ("no", gettext_lazy("no")))
OTHER = "json"
# Fields of a schema that say who has answered, and when: nobody types them.
BY, AT = "by", "at"
_FILLED_IN = {BY: (forms.CharField, forms.IntegerField), AT: (forms.DateTimeField,)}


class AnswerForm(SendForm):
    """What a person answers; ``fill_in()`` adds who and when."""

    def __init__(self, *args: Any, schema: type[Any] | None, **kwargs: Any) -> None:
        super().__init__(*args, schema=schema, **kwargs)
        self.fields["topic"].widget = forms.HiddenInput()
        if schema is None:
            self._offer_yes_and_no()
        self.signed: dict[str, Any] = {}
        self._is_filled_in = {
            name: self.fields.pop(PREFIX + name)
            for name, kinds in _FILLED_IN.items()
            if isinstance(self.fields.get(PREFIX + name), kinds)
        }
        for name, field in list(self.fields.items()):
            if isinstance(field, forms.BooleanField):
                self.fields[name] = _yes_or_no(field)

    def fill_in(self, user: Any) -> None:
        """Name who answers, where the schema has a place for it."""
        is_number = isinstance(self._is_filled_in.get(BY), forms.IntegerField)
        signed = {BY: user.pk if is_number else user.get_username(), AT: clock.now()}
        self.signed = {name: signed[name] for name in self._is_filled_in}

    def message_fields_given(self, cleaned: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was typed, and who and when."""
        return {**super().message_fields_given(cleaned), **self.signed}

    def clean(self) -> dict[str, Any]:
        """Take yes and no for true and false."""
        if self.schema is not None or self.errors:
            return super().clean()
        answer = self.cleaned_data["answer"]
        if answer != OTHER:
            self.cleaned_data["message"] = answer == "yes"
        elif not self.data.get("message", "").strip():
            self.add_error("message", _("This answer needs JSON."))
        return super().clean()

    def _offer_yes_and_no(self) -> None:
        self.fields["answer"] = forms.ChoiceField(
            label=gettext_lazy("Answer"),
            choices=[*YES_NO, (OTHER, gettext_lazy("other, as JSON"))],
            widget=forms.RadioSelect,
        )
        self.fields["message"] = BoundedJSONField(
            label=gettext_lazy("Other answer, as JSON"), required=False
        )
        self.order_fields(["answer", "message", "reason"])


def _yes_or_no(field: forms.Field) -> forms.Field:
    """Return radio buttons: a box that is not ticked may have been forgotten."""
    chosen = {True: "yes", False: "no"}.get(field.initial)
    return forms.TypedChoiceField(
        label=field.label,
        choices=YES_NO,
        coerce=lambda text: text == "yes",
        initial=chosen,
        widget=forms.RadioSelect,
    )
