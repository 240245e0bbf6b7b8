"""Forms that act only upon what their page has shown."""

from typing import NoReturn

from django import forms
from django.core.exceptions import ValidationError

from django_durable.admin.confirming import ReasonForm


class SeenForm(ReasonForm):
    """Why, and how that was which it is about when the page was shown."""

    seen = forms.CharField(widget=forms.HiddenInput, required=False)

    def compare(self, now: str, text: str) -> None:
        """Ask again, and say ``text``, unless it is still as the page has shown it."""
        if self.cleaned_data["seen"] != now:
            self.ask_again(now, text)

    def ask_again(self, now: str, text: str) -> NoReturn:
        """Say ``text``, and note how it is now, for the next answer."""
        self.data = {**self.data, "seen": now}
        raise ValidationError(text)
