"""The table of steps: a page of it, each with its failed tries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.db.models.functions import Length, Substr
from django.http import HttpRequest

from django_durable.admin import times
from django_durable.admin.detail.tries import Tries, by_place
from django_durable.admin.errors import ShownError, error_line, shown_error
from django_durable.admin.payloads import payload_of
from django_durable.display import visible
from django_durable.models import Attempt, Step, Worker

PER_PAGE = 100
# A whole error with its traceback, but without a large state.
_ERROR_HEAD = 40_000
_OUTPUT_HEAD = 2_000
MOST_TRIES = 20
MOST_CHARACTERS = 100
# Kinds that may fail, and then are tried again.
_TRIED = (Step.Kind.STEP, Step.Kind.TRANSACTION)


@dataclass(frozen=True, slots=True)
class ShownStep:
    """A row of the table."""

    row: Any
    place: str
    took: str
    worker: str
    output: str
    preview: str
    is_cut: bool
    size: int | None
    error: ShownError | None
    error_line: str
    tries: list[Any]
    attempts: int | None


@dataclass(frozen=True, slots=True)
class OpenStep:
    """A step that has failed so far, and will be tried again."""

    place: str
    tries: list[dict[str, Any]]
    attempts: int
    next_at: datetime


@dataclass(frozen=True, slots=True)
class StepTable:
    """A page of the table, and where it is in the whole."""

    page: Page[Any]
    rows: list[ShownStep]
    open: list[OpenStep]
    total: int
    only_errors: bool
    named: str

    @property
    def chosen(self) -> str:
        """What the address of another page of it repeats."""
        given = {"errors": "1" if self.only_errors else "", "named": self.named}
        return urlencode({name: value for name, value in given.items() if value})


def step_table(
    workflow: Any,
    request: HttpRequest,
    attempts: Sequence[Attempt],
    *,
    with_data: bool,
) -> StepTable:
    """Return the page of the table that the address asks for; no bad address."""
    only_errors = request.GET.get("errors") == "1"
    rows: QuerySet[Any] = workflow.steps.order_by("started_at", "branch", "step_id")
    if only_errors:
        rows = rows.filter(error__isnull=False)
    named = request.GET.get("named", "").replace("\x00", "")[:MOST_CHARACTERS]
    if named:
        rows = rows.filter(name__icontains=named)
    page = Paginator(_light(rows, with_data=with_data), PER_PAGE).get_page(
        request.GET.get("steps")
    )
    found = list(page)
    hosts = _hosts(workflow, found)
    tries = by_place(attempts)
    shown = [_shown(workflow, row, hosts, tries, with_data=with_data) for row in found]
    is_last = not page.has_next() and not workflow.is_finished
    unrecorded = _open(workflow, tries) if is_last else []
    return StepTable(page, shown, unrecorded, page.paginator.count, only_errors, named)


def _open(workflow: Any, tries: Tries) -> list[OpenStep]:
    """Return the steps that have tries only."""
    recorded = (
        set(
            workflow.steps.filter(
                step_id__in={step for _branch, step in tries}
            ).values_list("branch", "step_id")
        )
        if tries
        else set()
    )
    return [
        OpenStep(
            _place(*place),
            _shown_tries(workflow, None, failed),
            len(failed),
            failed[-1].next_at,
        )
        for place, failed in tries.items()
        if place not in recorded
    ]


def _place(branch: str, step_id: int) -> str:
    return f"{branch}:{step_id}" if branch else str(step_id)


def _light(rows: QuerySet[Any], *, with_data: bool) -> Any:
    """Fetch the beginnings of values only, and nothing of them without permission."""
    return rows.defer("output", "error").annotate(
        output_head=Substr("output", 1, _OUTPUT_HEAD + 1 if with_data else 0),
        output_size=Length("output"),
        error_head=Substr("error", 1, _ERROR_HEAD if with_data else 5),
        error_size=Length("error"),
    )


def _hosts(workflow: Any, rows: Sequence[Any]) -> dict[Any, str]:
    ids = {row.worker_id for row in rows if row.worker_id}
    found = Worker.objects.using(workflow._state.db).in_bulk(ids) if ids else {}
    return {pk: visible(worker, limit=60, lines=False) for pk, worker in found.items()}


def _shown_tries(
    workflow: Any, step: str | None, failed_tries: Sequence[Any]
) -> list[dict[str, Any]]:
    """Return the last failed tries of a step."""
    return [
        {
            "row": failed,
            "line": visible(
                error_line(failed.error_head, workflow.name, step=step),
                limit=300,
                lines=False,
            ),
        }
        for failed in failed_tries[-MOST_TRIES:]
    ]


def _shown(
    workflow: Any, row: Any, hosts: dict[Any, str], tries: Tries, *, with_data: bool
) -> ShownStep:
    mine = tries.get((row.branch, row.step_id), [])
    head = row.output_head if with_data else None
    payload = payload_of(head, workflow.name, step=row.name, at="output")
    is_cut = head is not None and len(head) > _OUTPUT_HEAD
    has_error = row.error_size is not None
    return ShownStep(
        row=row,
        place=_place(row.branch, row.step_id),
        took=times.between(row.started_at, row.completed_at),
        worker=hosts.get(row.worker_id, ""),
        output=payload.text if payload else "",
        preview=payload.preview if payload else "",
        is_cut=is_cut,
        size=row.output_size,
        error=_error(workflow, row) if with_data and has_error else None,
        error_line=error_line(row.error_head, workflow.name, step=row.name),
        tries=_shown_tries(workflow, row.name, mine),
        attempts=len(mine) + 1 if mine or row.kind in _TRIED else None,
    )


def _error(workflow: Any, row: Any) -> ShownError | None:
    if row.error_size > _ERROR_HEAD:
        return None
    return shown_error(row.error_head, workflow.name, step=row.name)
