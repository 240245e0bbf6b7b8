"""The figures of the dashboard: six statements, whatever the tables hold."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.models import Case, Q, QuerySet, When

from django_durable import clock
from django_durable.admin.errors import ERROR_HEAD
from django_durable.admin.figures.finished import Finished, finished
from django_durable.admin.figures.people import requests, requests_with_workflows
from django_durable.admin.figures.queues import Load, load
from django_durable.admin.figures.statements import (
    CAP,
    Ask,
    Count,
    count_of,
    either,
    together,
)
from django_durable.admin.figures.workers import Crew, crew
from django_durable.models import Wait, Workflow, sql
from django_durable.models.code import runnable
from django_durable.models.status import FAILED, Status
from django_durable.models.workflow import PAYLOADS

DAY = timedelta(hours=24)
SHOWN = 8
# Nobody works through more.
MOST_REQUESTS = 1000


@dataclass(frozen=True, slots=True)
class Totals:
    """The numbers of the tiles that no table below them tells."""

    waiting: Count
    requests: Count
    paused: Count
    failed: Count
    dead: Count
    stranded: Count


class Overview:
    """All that the dashboard shows; each part is asked for when it is read.

    The numbers are of everything, the rows of the workflows in ``mine``.
    """

    def __init__(self, using: str, mine: "QuerySet[Any] | None" = None) -> None:
        self.using = using
        self.mine = Workflow.objects.using(using).none() if mine is None else mine
        self.now: datetime = clock.now()

    @cached_property
    def load(self) -> Load:
        """What is queued, and what runs."""
        return load(self.using, self.now)

    @cached_property
    def crew(self) -> Crew:
        """The workers."""
        return crew(self.using, self.now, self.load.held)

    @cached_property
    def totals(self) -> Totals:
        """The other numbers."""
        return totals(self.using, self.now, self.crew)

    @cached_property
    def finished(self) -> Finished:
        """What ended when."""
        return finished(self.using, self.now)

    @cached_property
    def requests(self) -> list[Wait]:
        """The first of those who wait for a person."""
        rows = requests_with_workflows(self.using, self.now)
        return list(rows.filter(workflow__in=self.mine)[:SHOWN])

    @cached_property
    def failures(self) -> list[Workflow]:
        """The last that failed."""
        return last_failed(self.using, SHOWN, self.mine)

    @property
    def is_unattended(self) -> bool:
        """Tell whether something is queued and no worker seems to live."""
        return bool(self.load.queued) and not self.crew.fresh


def last_failed(using: str, number: int, mine: "QuerySet[Any]") -> list[Workflow]:
    """Return the last that failed, for each kind of failure from its own index.

    With ``error_head``, from which error_line() says what went wrong.
    """
    rows = Workflow.objects.using(using)
    ended = mine.filter(completed_at__isnull=False).order_by("-completed_at")
    parts = [ended.filter(status=status).values("pk")[:number] for status in FAILED]
    try:
        chosen, params = either(using, parts)
    except EmptyResultSet:  # Known without asking: nothing exists for the user.
        return []
    columns = ", ".join(
        f'"{field.column}"'
        for field in Workflow._meta.concrete_fields
        if field.name not in PAYLOADS
    )
    statement = (
        f"SELECT {columns}, SUBSTR(error, 1, {ERROR_HEAD:d}) AS error_head"
        f" FROM {sql.table(Workflow)} WHERE id IN ({chosen})"
        f" ORDER BY completed_at DESC LIMIT {number:d}"
    )
    return list(rows.raw(statement, params))


def totals(using: str, now: datetime, workers: Crew) -> Totals:
    """Count by one statement; nothing beyond the cap.

    In the order of an index, so that it is read, and not what has finished.
    """
    rows = Workflow.objects.using(using)
    dead = Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED
    today = Q(completed_at__gt=now - DAY)
    numbers = together(
        using,
        {
            "waiting": Ask(_in_state(rows, Status.WAITING)),
            "requests": Ask(
                requests(using, now).order_by().values("step_id"), cap=MOST_REQUESTS
            ),
            "paused": Ask(_in_state(rows, Status.PAUSED)),
            "failed": Ask(_in_state(rows.filter(today), Status.ERROR)),
            "killed": Ask(_in_state(rows.filter(today), dead)),
            "dead": Ask(_in_state(rows.filter(completed_at__isnull=False), dead)),
            **_stranded(using, workers.definitions),
        },
    )
    numbers["failed"] += numbers.pop("killed")
    lost = [numbers.pop(name) or 0 for name in list(numbers) if name in _LOST]
    counts = {
        key: count_of(number, MOST_REQUESTS if key == "requests" else CAP)
        for key, number in numbers.items()
    }
    return Totals(**counts, stranded=count_of(sum(lost)))


_IN_ORDER = {
    Status.ENQUEUED: ("queue_name", "-priority", "run_after"),
    Status.WAITING: ("wake_at",),
    Status.PAUSED: ("changed_at",),
    **dict.fromkeys(FAILED, ("completed_at",)),
}


def _in_state(rows: "QuerySet[Workflow]", status: Status) -> "QuerySet[Workflow, Any]":
    return rows.filter(status=status).order_by(*_IN_ORDER[status]).values("status")


# Names of questions, and in which state workflows may lack code.
_LOST = {"queued_lost": Status.ENQUEUED, "waiting_lost": Status.WAITING}


def _stranded(using: str, definitions: set[tuple[str, str]]) -> dict[str, Ask]:
    """Ask of the first queued and waiting ones how many nobody has the code for.

    Without any worker all would be, and the page says that by itself.
    """
    if not definitions:
        return {}
    lost = Case(When(runnable(definitions), then=0), default=1)
    rows = Workflow.objects.using(using)
    return {
        name: Ask(_in_state(rows, status).values(lost=lost), "SUM(found.lost)")
        for name, status in _LOST.items()
    }
