"""Deleting what ended long ago: first how many there are, then a bulk action."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _, gettext_lazy

from django_durable import clock, conf
from django_durable.admin.actions.asking import fresh_nonce
from django_durable.admin.actions.bulk import ask_about, counts_of
from django_durable.admin.listing.counts import MOST_COUNTED
from django_durable.admin.pages import render
from django_durable.bulk.actor import Actor
from django_durable.bulk.selection import Selection
from django_durable.models.deletion import PRUNED
from django_durable.models.status import TERMINAL, Status

TEMPLATE = "admin/django_durable/console/prune.html"
MOST_DAYS = 36_500
USUAL_DAYS = 30


class PruneForm(forms.Form):
    """How old, and which; it is asked for by GET, since it only counts."""

    days = forms.IntegerField(
        label=gettext_lazy("Ended more than so many days ago"),
        min_value=0,
        max_value=MOST_DAYS,
    )
    statuses = forms.MultipleChoiceField(
        label=gettext_lazy("With the outcome"),
        choices=[(str(each), each.label) for each in Status if each in TERMINAL],
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("A dead letter waits for a person."),
    )


def page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Ask how old and which; count them, and ask whether to delete them."""
    if not model_admin.has_erase_permission(request):
        raise PermissionDenied
    form = PruneForm(request.GET or None, initial=_usual())
    if form.is_valid():
        given = form.cleaned_data
        return _counted(model_admin, request, given["days"], given["statuses"])
    return _form(model_admin, request, form)


def _usual() -> dict[str, Any]:
    """Propose what the workers delete by themselves, or would with a usual age."""
    retention = conf.current().retention or {}
    days = max(retention.values(), default=USUAL_DAYS * 86_400) // 86_400
    return {"days": int(days), "statuses": list(retention or PRUNED)}


def _counted(
    model_admin: Any, request: HttpRequest, days: int, statuses: Collection[str]
) -> HttpResponse:
    now, actor = clock.now(), Actor(model_admin, request)
    selection = Selection(
        action="delete",
        user=str(request.user.pk),
        key=fresh_nonce(),
        cutoff=now.isoformat(),
        count=MOST_COUNTED,
        params={
            "window": "all",
            "level": "all",
            "ended_before": (now - timedelta(days=days)).isoformat(),
            "outcome": ",".join(statuses),
        },
    )
    rows = selection.rows(actor.rows(), with_data=actor.sees_data)
    counts = counts_of(rows)
    if not counts:
        text = _("There is none that ended so long ago.")
        model_admin.message_user(request, text, messages.WARNING)
        form = PruneForm(initial={"days": days, "statuses": list(statuses)})
        return _form(model_admin, request, form)
    chosen = replace(selection, count=sum(counts.values()))
    return ask_about(model_admin, request, chosen, rows, counts)


def _form(model_admin: Any, request: HttpRequest, form: PruneForm) -> HttpResponse:
    context = {"title": _("Delete what ended long ago"), "form": form}
    return render(model_admin, request, TEMPLATE, {**context, "most": MOST_COUNTED})
