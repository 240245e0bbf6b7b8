"""The list of bulk runs: those that run and those of the past, filtered, followed."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _, gettext_lazy

from django_durable import bulk
from django_durable.admin import dashboard
from django_durable.admin.badges import status_parts
from django_durable.admin.listing import news
from django_durable.admin.listing.counts import CappedPaginator
from django_durable.admin.live import asked_ids, shown_badge
from django_durable.admin.pages import answer, render
from django_durable.admin.runs.rows import Run, may_abort, rows_of, with_progress
from django_durable.bulk.actor import Actor
from django_durable.bulk.narrowing import STATES
from django_durable.models.workflow import PAYLOADS

LIST = "admin/django_durable/console/runs.html"
PER_PAGE = 50
_STATES = (
    ("", gettext_lazy("all")),
    ("unfinished", gettext_lazy("not finished")),
    ("success", gettext_lazy("gone through")),
    ("cancelled", gettext_lazy("aborted")),
    ("failed", gettext_lazy("failed")),
)


class FilterForm(forms.Form):
    """Which runs; nonsense counts as no choice."""

    state = forms.ChoiceField(
        label=gettext_lazy("Status"), choices=_STATES, required=False
    )
    action = forms.ChoiceField(
        label=gettext_lazy("Action"),
        choices=[("", gettext_lazy("all")), *((name, name) for name in bulk.ACTIONS)],
        required=False,
    )
    mine = forms.BooleanField(label=gettext_lazy("only mine"), required=False)

    def rows(self, actor: Actor) -> Any:
        """Return the runs that are chosen, the newest first."""
        self.full_clean()
        given, rows = self.cleaned_data, rows_of(actor)
        if state := given.get("state"):
            rows = rows.filter(status__in=STATES[state])
        if action := given.get("action"):
            rows = rows.filter(attributes__action=action)
        if given.get("mine"):
            rows = rows.filter(attributes__user=str(actor.request.user.pk))
        return rows.defer(*PAYLOADS).order_by("-created_at", "-pk")


def page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Show the runs with their progress."""
    form, actor = FilterForm(request.GET), Actor(model_admin, request)
    pages = CappedPaginator(form.rows(actor), PER_PAGE)
    shown = pages.get_page(request.GET.get("p"))
    found = with_progress(shown)
    asked = {name: request.GET[name] for name in form.fields if name in request.GET}
    ids = [run.workflow.pk for run in found]
    context = {
        "title": _("Bulk actions"),
        "form": form,
        "runs": [(run, _can_be_aborted(actor, run)) for run in found],
        "page": shown,
        "filters": f"&{urlencode(asked)}" if asked else "",
        "is_filtered": bool(asked),
        "live_address": dashboard.address(request, "api_runs")
        + f"?{news.address(ids, asked if shown.number == 1 else None)}",
    }
    return render(model_admin, request, LIST, context)


def follow(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Answer with how far the runs of ``ids`` are, and how many are new."""
    actor = Actor(model_admin, request)
    rows = rows_of(actor).filter(pk__in=asked_ids(request)).defer(*PAYLOADS)
    asked = with_progress(rows)
    return answer(
        request,
        {
            "rows": {run.workflow.pk: cells(run) for run in asked},
            "figures": {
                f"through:{run.workflow.pk}": str(run.through) for run in asked
            },
            "news": _news(actor),
        },
    )


def cells(run: Run) -> dict[str, Any]:
    """Return what of a run changes while somebody looks."""
    return {
        "status": shown_badge(**status_parts(run.workflow)),
        "summary": summary(run),
        "refused": str(run.refused),
    }


def summary(run: Run) -> str:
    """Say how far it is."""
    text = _("%(through)d of %(total)d")
    return text % {"through": run.through, "total": run.total}


def _news(actor: Actor) -> str:
    request = actor.request
    since = news.moment(request)
    if since is None:
        return ""
    rows = FilterForm(request.GET).rows(actor).values_list("pk", "changed_at")
    return news.counted(rows[:PER_PAGE], request, since)


def _can_be_aborted(actor: Actor, run: Run) -> bool:
    return not run.workflow.is_finished and may_abort(actor, run)
