"""The name of a queue, in forms of what may go on in another one."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from django_durable.admin.confirming import ReasonForm
from django_durable.display import visible
from django_durable.names import check_queue_name


class QueueField(forms.CharField):
    """A name that a queue can have, or nothing."""

    def __init__(self, **options: Any) -> None:
        label = gettext_lazy("Queue")
        super().__init__(label=label, max_length=64, required=False, **options)

    def validate(self, value: str) -> None:
        """Refuse what no queue can be called."""
        super().validate(value)
        if not value:
            return
        try:
            check_queue_name(value)
        except ValueError as error:
            shown = visible(error, limit=200, lines=False)
            raise forms.ValidationError(shown) from None


class QueueForm(ReasonForm):
    """Why, and in which queue."""

    queue_name = QueueField(
        help_text=gettext_lazy("In which it goes on. Left empty: where it is."),
    )
    field_order = ("queue_name", "reason")
