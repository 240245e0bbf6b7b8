"""The page that asks before anything is done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from django_durable.admin import stranded
from django_durable.admin.pages import render

TEMPLATE = "admin/django_durable/console/confirm.html"
# Details of a question: how something is, and what was done to it.
HISTORY = "admin/django_durable/console/history.html"
MOST_SHOWN = 20

Words = str | Promise


@dataclass(frozen=True, slots=True)
class Question:
    """What the page says.

    ``workflows`` are the first of those concerned, ``counts`` how many there are in
    each status, ``consequences`` what will happen, ``remains`` what will not be
    undone. ``about`` names what else it is about: not every theme shows titles. The
    template ``details`` shows ``facts``. With ``typed`` the answer must
    contain this text. ``hidden`` fields come back with it, which goes to
    ``post_to``, the same address by default. Without a ``button`` there is nothing
    to answer.
    """

    title: Words
    button: Words
    back: str
    consequences: Sequence[Words] = ()
    remains: Sequence[Words] = ()
    workflows: Sequence[Any] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    typed: str = ""
    hidden: Mapping[str, str] = field(default_factory=dict)
    post_to: str = ""
    is_dangerous: bool = False
    about: Words = ""
    details: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


class ReasonForm(forms.Form):
    """Why; forms with more to say derive from it, and hand ``typed`` on."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        required=False,
        help_text=_("Kept in the history, for those who come after you."),
        widget=forms.TextInput(attrs={"size": 60, "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, typed: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.typed = typed
        if typed:
            self.fields["typed"] = forms.CharField(
                label=_("Type “%(text)s” to confirm") % {"text": typed},
                widget=forms.TextInput(attrs={"autocomplete": "off"}),
            )

    def clean_typed(self) -> str:
        """Refuse everything but the text that was asked for."""
        given: str = self.cleaned_data["typed"].strip()
        if given != self.typed:
            raise forms.ValidationError(_("This is another text."))
        return given


def ask(
    model_admin: admin.ModelAdmin,
    request: HttpRequest,
    question: Question,
    form: forms.Form,
    *,
    status: int = 200,
) -> TemplateResponse:
    """Show the question with its form."""
    shown = stranded.mark(question.workflows[:MOST_SHOWN])
    total = sum(question.counts.values()) or len(question.workflows)
    context = {
        "title": question.title,
        "about": question.about,
        "question": question,
        "shown": shown,
        "more": max(0, total - len(shown)),
        "form": form,
        "media": form.media,
    }
    return render(model_admin, request, TEMPLATE, context, status=status)
