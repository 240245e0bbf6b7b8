"""What the sensors of a room report."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse

from example_project.climate.workflows import workflow_id_of
from example_project.webhooks import Notice, pass_on, webhook

# Each type of message with the number that it needs.
NEEDED = {"data": "celsius", "config_update": "limit", "shutdown": None}


class SensorMessage(Notice):
    """One message of any type."""

    type = forms.ChoiceField(choices=[(name, name) for name in NEEDED])
    celsius = forms.FloatField(min_value=-90, max_value=90, required=False)
    limit = forms.FloatField(min_value=-90, max_value=90, required=False)

    def clean(self) -> dict[str, Any]:
        """Refuse a message without the number that its type needs."""
        super().clean()
        needed = NEEDED.get(self.cleaned_data.get("type", ""))
        if needed and needed not in self.errors and self.cleaned_data[needed] is None:
            self.add_error(needed, "A number is expected.")
        return self.cleaned_data


@webhook("sensors", SensorMessage)
def receive_message(
    request: HttpRequest, message: dict[str, Any], room: str
) -> HttpResponse:
    """Pass a message on to the workflow that watches the room."""
    return pass_on(message, workflow_id_of(room))
