"""The same for many: what was chosen in the list goes to the page that asks."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _, gettext_lazy

from django_durable import clock
from django_durable.admin import confirming
from django_durable.admin.actions.asking import fresh_nonce, list_page
from django_durable.admin.actions.operations import OPERATIONS
from django_durable.admin.actions.queue_field import QueueForm
from django_durable.admin.confirming import MOST_SHOWN, ReasonForm, Words
from django_durable.admin.listing.counts import MOST_COUNTED
from django_durable.admin.listing.filters import PARAMETERS
from django_durable.admin.listing.strict import parameters_of
from django_durable.bulk.actor import Actor
from django_durable.bulk.selection import Selection
from django_durable.display import visible
from django_durable.models.ids import may_exist

# As many as a page of the list can show.
MOST_TICKED = 200
# More than these must be confirmed by typing.
MOST_UNTYPED = 100
TITLES: Mapping[str, Words] = {
    "cancel": gettext_lazy("Cancel %d workflows"),
    "resume": gettext_lazy("Resume %d workflows"),
    "restart": gettext_lazy("Restart %d workflows"),
    "delete": gettext_lazy("Delete %d workflows"),
}
RUNS = "admin:django_durable_bulk"


class BulkActions:
    """The actions of the list."""

    @admin.action(permissions=["cancel"], description=gettext_lazy("Cancel…"))
    def cancel_selected(
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> HttpResponse | None:
        """Ask whether to cancel these."""
        return choose(self, request, "cancel")

    @admin.action(permissions=["resume"], description=gettext_lazy("Resume…"))
    def resume_selected(
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> HttpResponse | None:
        """Ask whether to resume these."""
        return choose(self, request, "resume")

    @admin.action(permissions=["restart"], description=gettext_lazy("Restart…"))
    def restart_selected(
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> HttpResponse | None:
        """Ask whether to restart these."""
        return choose(self, request, "restart")

    @admin.action(permissions=["erase"], description=gettext_lazy("Delete…"))
    def erase_selected(
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> HttpResponse | None:
        """Ask whether to delete these."""
        return choose(self, request, "delete")


def choose(model_admin: Any, request: HttpRequest, name: str) -> HttpResponse | None:
    """Show the question about what was selected; None when there is none to ask."""
    actor = Actor(model_admin, request)
    selection = _selected(actor, name)
    if selection is None:
        text = _("At most %d can be ticked. Select all that match the filters.")
        _tell(actor, text % MOST_TICKED)
        return None
    rows = selection.rows(actor.rows(), with_data=actor.sees_data)
    counts = counts_of(rows)
    if not counts:
        _tell(actor, _("The selection no longer exists."))
        return None
    chosen = replace(selection, count=sum(counts.values()))
    return ask_about(model_admin, request, chosen, rows, counts)


def _tell(actor: Actor, text: str) -> None:
    actor.model_admin.message_user(actor.request, text, messages.WARNING)


def _selected(actor: Actor, action: str) -> Selection | None:
    """Return what was selected; None when more was ticked than may be."""
    request = actor.request
    base = Selection(
        action=action,
        user=str(request.user.pk),
        key=fresh_nonce(),
        cutoff=clock.now().isoformat(),
        count=MOST_COUNTED,
    )
    if request.POST.get("select_across") == "1":
        # No others: narrow() would not know them, and choose more than was shown.
        return replace(base, params=parameters_of(request, PARAMETERS))
    given = request.POST.getlist(helpers.ACTION_CHECKBOX_NAME)
    if len(given) > MOST_TICKED:
        return None
    return replace(base, ids=_allowed(actor, action, filter(may_exist, given)))


def _allowed(actor: Actor, action: str, given: Iterable[str]) -> tuple[str, ...]:
    """Ask about each that was ticked; name those that are left out."""
    answers: dict[str, list[str]] = {}
    for workflow in actor.rows().filter(pk__in=list(given)).order_by("created_at"):
        objection = actor.objection(action, workflow)
        answers.setdefault(objection, []).append(workflow.pk)
    allowed = answers.pop("", [])
    for objection, ids in answers.items():
        names = ", ".join(visible(pk, limit=80, lines=False) for pk in ids)
        text = _("Left out: %(ids)s. %(why)s")
        _tell(actor, text % {"ids": names, "why": objection})
    return tuple(allowed)


def counts_of(rows: QuerySet[Any]) -> dict[str, int]:
    """Return how many of some there are in each status, within bounds."""
    some = rows.values_list("status", flat=True)[:MOST_COUNTED]
    return dict(Counter(some))


def ask_about(
    model_admin: Any,
    request: HttpRequest,
    selection: Selection,
    rows: QuerySet[Any],
    counts: dict[str, int],
    form: ReasonForm | None = None,
) -> HttpResponse:
    """Show the question; ``selection.count`` is for how many it is answered."""
    operation, total = OPERATIONS[selection.action], selection.count
    typed = typed_text(selection)
    question = confirming.Question(
        title=str(TITLES[selection.action]) % total,
        button=operation.label,
        back=list_page(model_admin),
        consequences=operation.consequences,
        remains=operation.remains,
        workflows=list(rows[:MOST_SHOWN]),
        counts=counts,
        typed=typed,
        hidden={"selection": selection.signed()},
        post_to=reverse(RUNS, current_app=model_admin.admin_site.name),
        is_dangerous=operation.is_dangerous,
    )
    form = form or form_for(selection)
    return confirming.ask(model_admin, request, question, form)


def form_for(selection: Selection, data: Mapping[str, Any] | None = None) -> ReasonForm:
    """Return what is to be filled in, or what was."""
    form_of = QueueForm if selection.action == "resume" else ReasonForm
    return form_of(data, typed=typed_text(selection))


def typed_text(selection: Selection) -> str:
    """Return what must be typed to confirm; nothing for few."""
    if selection.count <= MOST_UNTYPED:
        return ""
    return f"{selection.action} {selection.count}"
