"""Parent, children and forks of a workflow."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, Q
from django.http import HttpRequest
from django.utils.translation import gettext as _

from django_durable.admin import stranded
from django_durable.admin.badges import status_word
from django_durable.admin.others import hidden_ids
from django_durable.display import visible
from django_durable.models import Workflow
from django_durable.models.status import ACTIVE, FAILED, Status
from django_durable.models.workflow import PAYLOADS

# More children than these are drawn as one row for each name.
MOST_SINGLE = 20
MOST_LISTED = 100
MOST_GROUPS = 50


@dataclass(frozen=True, slots=True)
class ChildGroup:
    """Children that are shown as one: a single one, or all of a name."""

    label: str
    outcome: str
    failed: int
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Relatives:
    """Who belongs to a workflow."""

    children: list[Any]
    groups: list[ChildGroup]
    count: int
    forks: list[Any]
    parent: Any
    origin: Any
    hidden: frozenset[str]  # Ids that its reader may not know.


def relatives(
    model_admin: Any, request: HttpRequest, workflow: Any, others: Iterable[str] = ()
) -> Relatives:
    """Return the relatives that the user may see, in at most seven statements.

    They are marked where they are stranded, and so is the workflow itself. ``others``
    are ids that the page names beside them.
    """
    mine = model_admin.get_queryset(request)

    def seen(rows: Any) -> list[Any]:
        may_see = model_admin.has_view_permission
        return [row for row in rows.defer(*PAYLOADS) if may_see(request, row)]

    children = mine.filter(parent=workflow.pk)
    listed = seen(children.order_by("created_at", "pk")[:MOST_LISTED])
    groups = _grouped(children) if len(listed) > MOST_SINGLE else []
    ids = {workflow.parent_id, workflow.forked_from_id, *others} - {None, workflow.pk}
    asked = ids - {row.pk for row in listed}
    known = {row.pk: row for row in seen(mine.filter(pk__in=asked))} if asked else {}
    forks = mine.filter(forked_from=workflow.pk).order_by("-created_at")
    forked = seen(forks[:MOST_LISTED])
    stranded.mark([workflow, *listed, *known.values(), *forked])
    return Relatives(
        children=listed,
        groups=[group for group, _size in groups] or list(map(_single, listed)),
        count=sum(size for _group, size in groups) or len(listed),
        forks=forked,
        parent=known.get(workflow.parent_id),
        origin=known.get(workflow.forked_from_id),
        hidden=hidden_ids(workflow._state.db, asked, known),
    )


def _grouped(children: Any) -> list[tuple[ChildGroup, int]]:
    rows = Workflow.objects.using(children.db)
    found = (
        rows.filter(pk__in=children.order_by().values("pk"))
        .order_by("name")
        .values("name")
        .annotate(
            size=Count("pk"),
            ok=Count("pk", filter=Q(status=Status.SUCCESS)),
            failed=Count("pk", filter=Q(status__in=FAILED)),
            active=Count("pk", filter=Q(status__in=ACTIVE)),
            first=Min("created_at"),
            last=Max("completed_at"),
        )
    )
    return [(_group(row), row["size"]) for row in found[:MOST_GROUPS]]


def _group(row: dict[str, Any]) -> ChildGroup:
    outcome = _("%(ok)d ok, %(failed)d failed, %(active)d unfinished") % row
    return ChildGroup(
        label=f"{_short(row['name'])} ×{row['size']}",
        outcome=outcome,
        failed=row["failed"],
        started_at=row["first"],
        ended_at=None if row["active"] else row["last"],
    )


def _single(child: Any) -> ChildGroup:
    return ChildGroup(
        label=f"▸ {_short(child.name)}",
        outcome=status_word(child),
        failed=int(child.status in FAILED),
        started_at=child.created_at,
        ended_at=child.completed_at,
    )


def _short(name: str) -> str:
    return visible(name.rpartition(".")[2] or name, limit=60, lines=False)
