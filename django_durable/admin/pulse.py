"""How lively workers are and what they hold, followed by the open list."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from django_durable import clock, conf
from django_durable.admin.actions.asking import page_of
from django_durable.admin.figures import condition
from django_durable.admin.figures.ages import age
from django_durable.admin.figures.workers import FRESH, GONE, LATE, LOST, WORDS, pulse
from django_durable.admin.listing import news
from django_durable.admin.live import MOST_ROWS, shown_badge
from django_durable.admin.pages import answer, gone
from django_durable.display import visible
from django_durable.models import Worker, Workflow
from django_durable.models.workflow import PAYLOADS

_LOOKS = {
    FRESH: ("success", "●"),
    LATE: ("paused", "◐"),
    LOST: ("error", "✖\ufe0e"),
    GONE: ("cancelled", "○"),
}
# The cells that say how much.
_FIGURES = ("slots", "memory", "current")


def follow(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Answer with the pulse of the workers of ``ids``, and how many are new."""
    asked = list(filter(None, map(_uuid, news.given_ids(request))))[:MOST_ROWS]
    rows = model_admin.get_queryset(request)
    found = with_held(model_admin, request, rows.filter(pk__in=asked) if asked else ())
    shown = {str(each.pk): cells(model_admin, each) for each in found}
    alarm = "".join(condition.alarms(conf.current().database))
    return answer(
        request, {"rows": shown, "news": _news(rows, request), "alarm": alarm}
    )


def one(model_admin: Any, request: HttpRequest, key: UUID) -> HttpResponse:
    """Answer with the pulse of one worker, or with 404 and what there is to show."""
    alarm = "".join(condition.alarms(conf.current().database))
    worker = model_admin.get_object(request, str(key))
    if worker is None:
        return gone(rows={str(key): _cells_when_gone()}, alarm=alarm)
    if not model_admin.has_view_permission(request, worker):
        raise PermissionDenied
    shown = {str(worker.pk): cells(model_admin, worker)}
    return answer(request, {"rows": shown, "news": "", "alarm": alarm})


def cells(model_admin: Any, worker: Any) -> dict[str, Any]:
    """Return what of a worker changes while somebody looks."""
    return {
        "pulse": shown_badge(*look(worker)),
        "ago": ago(worker),
        "slots": slots(worker),
        "memory": memory(worker),
        "current": current(model_admin, worker) or held(worker),
    }


def _cells_when_gone() -> dict[str, Any]:
    """Return the same of one whose row is deleted, or hidden from this user."""
    badge = shown_badge(*_LOOKS[GONE], _("no longer there"))
    return {"pulse": badge, "ago": "", **dict.fromkeys(_FIGURES, "–")}


def look(worker: Any) -> tuple[str, str, str]:
    """Return the badge that says how lively a worker is, or that it leaves."""
    found = pulse(worker, clock.now())
    if worker.state == Worker.State.DRAINING and found in (FRESH, LATE):
        return "paused", "↧", _("draining")
    return (*_LOOKS[found], str(WORDS[found]))


def ago(worker: Any) -> str:
    """Say when it was last heard of."""
    return _("%s ago") % age(worker.heartbeat_at, clock.now())


def slots(worker: Any) -> str:
    """Say what it holds, of the sync workflows it could execute at once."""
    return f"{worker.holds} / {worker.concurrency}"


def memory(worker: Any) -> str:
    """Say how much memory it took up at its last heartbeat, if it knew."""
    known = worker.rss_bytes is not None
    return str(filesizeformat(worker.rss_bytes)) if known else "–"


def current(model_admin: Any, worker: Any) -> dict[str, str] | None:
    """Return a link to what it has held for the longest, and how many more.

    Only to those who may see it, see with_held(); to others, see held().
    """
    if getattr(worker, "held_first", None) is None:
        return None
    return {
        "address": page_of(model_admin, worker.held_first.pk),
        "text": visible(worker.held_first.pk, limit=60, lines=False),
        "more": f" +{worker.holds - 1}" if worker.holds > 1 else "",
    }


def held(worker: Any) -> str:
    """Say how many it holds, to who may not see which."""
    return str(worker.holds) if worker.holds else "–"


def with_held(
    model_admin: Any, request: HttpRequest, workers: Iterable[Any]
) -> list[Any]:
    """Note on workers what each has held for the longest, if the user may see it."""
    workers = list(workers)
    owner = model_admin.admin_site._registry.get(Workflow)
    ids = {each.holds_first for each in workers if each.holds_first is not None}
    found: dict[str, Any] = {}
    if owner is not None and ids and owner.has_view_permission(request):
        rows = owner.get_queryset(request).filter(pk__in=ids).defer(*PAYLOADS)
        found = {row.pk: row for row in rows if owner.has_view_permission(request, row)}
    for each in workers:
        each.held_first = found.get(each.holds_first)
    return workers


def _news(rows: Any, request: HttpRequest) -> str:
    since = news.moment(request)
    if since is None:
        return ""
    started = rows.filter(started_at__gt=since).order_by("-started_at")
    some = started.values_list("pk", "started_at")[:MOST_ROWS]
    return news.counted(((str(pk), at) for pk, at in some), request, since)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
