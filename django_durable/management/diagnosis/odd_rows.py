"""Rows that no code of ours writes: somebody has changed them by hand."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from django_durable import clock
from django_durable.management.diagnosis.finding import Finding, Level
from django_durable.models import Step, Workflow
from django_durable.models.status import Status

# No workflow has so many steps.
LARGEST_STEP = 10**7
SHOWN = 3
# The clocks of two machines may differ.
_AHEAD = timedelta(minutes=5)


def look_at_odd_rows(using: str) -> Iterator[Finding]:
    """Name a few of each kind."""
    is_clean = True
    for level, what, rows in _kinds(using):
        ids = list(rows.values_list(_id_of(rows), flat=True)[: SHOWN + 1])
        if ids:
            is_clean = False
            named = ", ".join(map(repr, ids[:SHOWN])) + " …" * (len(ids) > SHOWN)
            yield Finding(level, "odd rows", f"{what}: {named}", _HINT)
    if is_clean:
        yield Finding("ok", "odd rows", "None.")


_HINT = "Look at them with python manage.py workflows show ID"


def _kinds(using: str) -> Iterator[tuple[Level, str, QuerySet[Any]]]:
    rows = Workflow.objects.using(using)
    unknown = rows.exclude(status__in=Status.values)
    yield "problem", "A status that does not exist, which nobody acts on", unknown
    negative = Q(recovery_attempts__lt=0) | Q(stalls__lt=0) | Q(claim__lt=0)
    limits = Q(max_recovery_attempts__lt=1)
    yield "problem", "A count below zero", rows.filter(negative | limits)
    future = rows.filter(created_at__gt=clock.now() + _AHEAD)
    yield "warning", "Created in the future", future
    parents = rows.filter(pk=OuterRef("parent_id"))
    # Not a problem: the parent may have been deleted.
    orphans = rows.filter(~Exists(parents), parent__isnull=False)
    yield "warning", "The parent does not exist", orphans
    steps = Step.objects.using(using)
    beyond = Q(step_id__lt=1) | Q(step_id__gt=LARGEST_STEP)
    yield "problem", "A step of an impossible number", steps.filter(beyond)


def _id_of(rows: QuerySet[Any]) -> str:
    return "workflow_id" if rows.model is Step else "pk"
