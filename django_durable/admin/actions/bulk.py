"""The same for many: what was chosen in the list goes to the page that asks."""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid5

from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseRedirect,
)
from django.urls import reverse
from django.utils.translation import gettext as _, gettext_lazy, ngettext

from django_durable import clock
from django_durable.admin import audit, confirming
from django_durable.admin.actions.asking import fresh_nonce, list_page
from django_durable.admin.actions.operations import OPERATIONS, Answer, Operation
from django_durable.admin.confirming import MOST_SHOWN, ReasonForm, Words
from django_durable.admin.listing.changelist import parameters_of
from django_durable.admin.listing.counts import MOST_COUNTED
from django_durable.bulk.selection import BadSelection, Selection, read_selection
from django_durable.exceptions import DurableError
from django_durable.models.ids import may_exist

# So many are done while the browser waits; more need a bulk run.
MOST_AT_ONCE = 200
# More than these must be confirmed by typing.
MOST_UNTYPED = 100
TITLES: Mapping[str, Words] = {
    "cancel": gettext_lazy("Cancel %d workflows"),
    "resume": gettext_lazy("Resume %d workflows"),
    "restart": gettext_lazy("Restart %d workflows"),
    "delete": gettext_lazy("Delete %d workflows"),
}
HERE, RUNS = "admin:django_durable_workflow_bulk", "admin:django_durable_bulk"


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
    """Show the question about what was selected; None when that is gone."""
    selection = _selected(model_admin, request, name)
    rows = selection.rows(model_admin.get_queryset(request))
    counts = counts_of(rows)
    if not counts:
        text = _("The selection no longer exists.")
        model_admin.message_user(request, text, messages.WARNING)
        return None
    chosen = replace(selection, count=sum(counts.values()))
    return ask_about(model_admin, request, chosen, rows, counts)


def _selected(model_admin: Any, request: HttpRequest, name: str) -> Selection:
    chosen: dict[str, Any] = {"action": name, "user": str(request.user.pk)}
    now = clock.now().isoformat()
    if request.POST.get("select_across") == "1":
        params = parameters_of(request)
        return Selection(**chosen, cutoff=now, count=MOST_COUNTED, params=params)
    given = request.POST.getlist(helpers.ACTION_CHECKBOX_NAME)
    ids = tuple(filter(may_exist, given))[:MOST_AT_ONCE] or ("",)
    return Selection(**chosen, cutoff=now, count=len(ids), ids=ids)


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
        hidden={"selection": selection.signed(), "nonce": fresh_nonce()},
        post_to=_target(model_admin, selection),
        is_dangerous=operation.is_dangerous,
    )
    form = form or ReasonForm(typed=typed)
    return confirming.ask(model_admin, request, question, form)


def typed_text(selection: Selection) -> str:
    """Return what must be typed to confirm; nothing for few."""
    if selection.count <= MOST_UNTYPED:
        return ""
    return f"{selection.action} {selection.count}"


def _target(model_admin: Any, selection: Selection) -> str:
    """Return where the answer goes: what was ticked is done while they wait."""
    name = HERE if selection.ids else RUNS
    return reverse(name, current_app=model_admin.admin_site.name)


def page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Do at once what was confirmed, if it is not too much."""
    if request.method != "POST":
        return HttpResponseRedirect(list_page(model_admin))
    try:
        selection = read_selection(request, request.POST.get("selection", ""))
        operation = OPERATIONS[selection.action]
    except (BadSelection, KeyError):
        return HttpResponseBadRequest(_("The selection has expired. Select again."))
    if not getattr(model_admin, f"has_{operation.permission}_permission")(request):
        raise PermissionDenied
    rows = selection.rows(model_admin.get_queryset(request))
    counts = counts_of(rows)
    total = sum(counts.values())
    form = ReasonForm(request.POST, typed=typed_text(selection))
    if counts and not form.is_valid():
        return ask_about(model_admin, request, selection, rows, counts, form)
    done = _do(model_admin, request, operation, rows[:MOST_AT_ONCE], form)
    _tell(model_admin, request, operation.name, done, total)
    return HttpResponseRedirect(list_page(model_admin))


def _do(
    model_admin: Any,
    request: HttpRequest,
    operation: Operation,
    rows: QuerySet[Any],
    form: ReasonForm,
) -> int:
    reason = form.cleaned_data.get("reason", "") if form.is_valid() else ""
    nonce = _nonce(request)
    took = 0
    for workflow in rows:
        key = workflow.pk
        answer = Answer(request.user, reason, str(uuid5(nonce, key)))
        with suppress(DurableError):
            done = operation.perform(workflow, answer)
            if done.took:
                workflow.pk = key
                took += 1
                audit.record(
                    model_admin,
                    request,
                    workflow,
                    operation.name,
                    reason=reason,
                    outcome=done.text,
                )
    return took


def _nonce(request: HttpRequest) -> UUID:
    """Return the one of the page that was shown: a second click repeats it."""
    with suppress(ValueError):
        return UUID(request.POST.get("nonce", ""))
    return UUID(fresh_nonce())


_OUTCOMES: Mapping[str, Callable[[int], str]] = {
    "cancel": lambda n: ngettext(
        "%d workflow was cancelled.", "%d workflows were cancelled.", n
    ),
    "resume": lambda n: ngettext("%d workflow goes on.", "%d workflows go on.", n),
    "restart": lambda n: ngettext(
        "%d workflow was started anew.", "%d workflows were started anew.", n
    ),
    "delete": lambda n: ngettext(
        "%d workflow was deleted.", "%d workflows were deleted.", n
    ),
}


def _tell(
    model_admin: Any, request: HttpRequest, name: str, took: int, total: int
) -> None:
    text = _OUTCOMES[name](took) % took
    if took < total:
        text += " " + _("%d could not, or not any more.") % (total - took)
    model_admin.message_user(request, text)
