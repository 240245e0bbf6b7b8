"""The columns of the list, all from one statement."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject, Substr
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext as _, gettext_lazy

from django_durable import clock
from django_durable.admin import times
from django_durable.admin.badges import live_badges
from django_durable.admin.errors import ERROR_HEAD, error_line
from django_durable.admin.listing.counts import CountOf
from django_durable.admin.others import named
from django_durable.admin.waits import wait_text
from django_durable.display import visible
from django_durable.models import Step, Wait
from django_durable.models.status import FAILED, Status
from django_durable.models.workflow import PAYLOADS

MOST_STEPS = 1000
# Failures are stamped before their commit, and by the clock of another machine.
SLACK = timedelta(minutes=1)


def with_columns(rows: QuerySet[Any], mine: QuerySet[Any], *, with_data: bool) -> Any:
    """Add what the columns show, and leave large values where they are."""
    head = Substr("error", 1, ERROR_HEAD if with_data else 0)
    return following(rows, mine).defer("attributes").annotate(error_head=head)


def following(rows: QuerySet[Any], mine: QuerySet[Any]) -> Any:
    """Add what is shown of rows while they change; of errors, see tell_errors().

    ``mine`` has the workflows that they may name.
    """
    own = {"workflow": OuterRef("pk")}
    # In the order of its key, so that the key's index is read, and no further.
    steps = Step.objects.using(rows.db).filter(**own).order_by("branch", "step_id")
    waits = Wait.objects.using(rows.db).filter(**own)
    parts: dict[str, Any] = {
        name: name for name in ("kind", "key", "branch", "is_human")
    }
    parts["awaited_id"] = named(mine, "awaited_id")
    first = waits.order_by("-is_human", "wake_at", "target").values(
        found=JSONObject(**parts, step="step_id")
    )
    return (
        rows.select_related("worker")
        .defer(*PAYLOADS)
        .annotate(
            shown_steps=CountOf(steps.values("step_id")[: MOST_STEPS + 1]),
            shown_wait=Subquery(first[:1]),
        )
    )


def tell_errors(
    rows: Iterable[Any], since: datetime | None, *, with_data: bool
) -> None:
    """Add the beginning of its error to each that has failed since a moment.

    Also to what failed shortly before: the page may have been rendered without it.
    """
    failed = {
        row.pk: row
        for row in rows
        if row.status in FAILED and (since is None or since - row.changed_at < SLACK)
    }
    heads: dict[str, str] = {}
    if failed and with_data:
        row = next(iter(failed.values()))
        found = type(row).objects.using(row._state.db).filter(pk__in=failed)
        heads.update(found.values_list("pk", Substr("error", 1, ERROR_HEAD)))
    for pk, row in failed.items():
        row.error_head = heads.get(pk, "")


class Columns:
    """Methods for ``list_display``; what changes is followed, see live.py."""

    @admin.display(description=gettext_lazy("workflow"))
    def identity(self, workflow: Any) -> SafeString:
        """Show id, summary, name and version."""
        return format_html(
            '<bdi class="dd-id">{}</bdi>{}<span class="dd-under"><bdi>{}</bdi>'
            ' <span class="dd-version">{}</span></span>',
            visible(workflow.pk, limit=80, lines=False),
            _below(workflow, "summary"),
            visible(workflow.name, limit=80, lines=False),
            visible(workflow.version, limit=20, lines=False),
        )

    @admin.display(description=gettext_lazy("status"))
    def state(self, workflow: Any) -> SafeString:
        """Show the status with what it waits for, or why it is there."""
        return format_html(
            "{}{}{}",
            live_badges(workflow),
            _below(workflow, "why"),
            _approval(workflow),
        )

    @admin.display(description=gettext_lazy("progress"))
    def progress(self, workflow: Any) -> SafeString:
        """Show steps and recoveries."""
        return _followed(workflow, "progress")

    @admin.display(description=gettext_lazy("queue"), ordering="queue_name")
    def queue(self, workflow: Any) -> str:
        """Show the queue."""
        return visible(workflow.queue_name, limit=64, lines=False)

    @admin.display(description=gettext_lazy("started"), ordering="created_at")
    def started(self, workflow: Any) -> SafeString:
        """Show when it began, else when it was created."""
        at = workflow.started_at or workflow.created_at
        return format_html(
            '<time datetime="{}">{}</time>',
            at.isoformat(),
            f"{localtime(at):%Y-%m-%d %H:%M:%S}",
        )

    @admin.display(description=gettext_lazy("took"))
    def took(self, workflow: Any) -> SafeString:
        """Show how long it took, or takes already."""
        return _followed(workflow, "took")

    @admin.display(description=gettext_lazy("worker"))
    def held_by(self, workflow: Any) -> SafeString:
        """Show who executes it."""
        return _followed(workflow, "worker")


def _approval(workflow: Any) -> SafeString | str:
    """Lead to the form that answers it; see offering.offer()."""
    address = getattr(workflow, "answer_address", "")
    if not address:
        return ""
    return format_html('<a href="{}">{}</a>', address, _("Approve…"))


def texts(workflow: Any) -> dict[str, str]:
    """Return the cells that change while somebody looks at the list.

    Not why it failed where that has been told.
    """
    is_told = workflow.status in FAILED and not hasattr(workflow, "error_head")
    left_out = "why" if is_told else ""
    return {name: tell(workflow) for name, tell in _TEXTS.items() if name != left_out}


def _followed(workflow: Any, name: str) -> SafeString:
    return format_html(
        '<bdi data-dd-row="{}" data-dd-cell="{}">{}</bdi>',
        workflow.pk,
        name,
        _TEXTS[name](workflow),
    )


def _below(workflow: Any, name: str) -> SafeString:
    return format_html('<span class="dd-under">{}</span>', _followed(workflow, name))


def _summary(workflow: Any) -> str:
    return visible(workflow.summary, limit=120, lines=False)


def _progress(workflow: Any) -> str:
    count = workflow.shown_steps
    shown = f"{MOST_STEPS}+" if count > MOST_STEPS else str(count)
    text = _("%s steps") % shown if count != 1 else _("1 step")
    recoveries = workflow.recovery_attempts or 0
    return f"{text} ↻{recoveries}" if recoveries else text


def _took(workflow: Any) -> str:
    end = workflow.completed_at or clock.now()
    return times.between(workflow.started_at, end)


def _worker(workflow: Any) -> str:
    if workflow.worker_id is None:
        return "–"
    worker = workflow._state.fields_cache.get("worker")
    return visible(worker or workflow.worker_id, limit=64, lines=False)


def _why(workflow: Any) -> str:
    return visible(_reason(workflow), limit=120, lines=False)


def _reason(workflow: Any) -> str:
    if workflow.status == Status.ENQUEUED:
        return getattr(workflow, "hold", "")
    if workflow.status == Status.WAITING:
        return wait_text(workflow.shown_wait, workflow.wake_at)
    if workflow.status == Status.PAUSED:
        return str(workflow.pause_reason)
    if workflow.status == Status.CANCELLED:
        return str(workflow.cancel_reason)
    if workflow.status in FAILED:
        return error_line(workflow.error_head, workflow.name)
    return ""


_TEXTS: dict[str, Callable[[Any], str]] = {
    "summary": _summary,
    "why": _why,
    "progress": _progress,
    "took": _took,
    "worker": _worker,
}
