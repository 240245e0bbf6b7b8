"""``workflows list``: workflows, newest first."""

from collections.abc import Sequence
from typing import TypeAlias

from django_durable.management.parser import Parser
from django_durable.management.workflows import rows as shown
from django_durable.management.workflows.filters import add_filters, chosen
from django_durable.management.workflows.output import Cell, Output, moment
from django_durable.management.workflows.parsing import count
from django_durable.management.workflows.subcommand import (
    Options,
    Subcommand,
    nothing_matched,
)
from django_durable.models import Wait, Workflow
from django_durable.models.workflow import PAYLOADS, WorkflowQuerySet

Code: TypeAlias = set[tuple[str, str]]

_HEADINGS = ("ID", "NAME", "STATUS", "QUEUE", "CREATED", "ABOUT")


def _add_arguments(parser: Parser) -> None:
    add_filters(parser)
    parser.add_argument(
        "--limit", type=count, default=50, help="So many at most. Default: 50."
    )


def _run(options: Options, out: Output) -> None:
    limit = options["limit"]
    kept = chosen(options).defer(*PAYLOADS).order_by("-created_at", "-pk")
    live = shown.live_code(kept.db)
    show = _records if out.is_json else _table
    total = show(kept[: limit + 1], limit, live, out)
    if not total:
        raise nothing_matched("No workflow matches.")
    if total > limit:
        out.note(f"There are more than these {limit}: see --limit.")


def _records(rows: WorkflowQuerySet, limit: int, live: Code, out: Output) -> int:
    """Print as they come: there may be very many of them."""
    total = 0
    for total, row in enumerate(rows.iterator(chunk_size=500), start=1):
        if total <= limit:
            out.record(shown.document(row, live))
    return total


def _table(rows: WorkflowQuerySet, limit: int, live: Code, out: Output) -> int:
    found = list(rows)
    waits = shown.waits_of(found[:limit], rows.db)
    if found:
        out.table(
            _HEADINGS,
            [_cells(row, waits[row.pk], live, out) for row in found[:limit]],
        )
    return len(found)


def _cells(
    row: Workflow, waits: Sequence[Wait], live: Code, out: Output
) -> tuple[Cell, ...]:
    return (
        row.pk,
        row.name,
        out.status(row.status, ", stranded" * shown.is_stranded(row, live)),
        row.queue_name,
        moment(row.created_at),
        shown.explanation(row, waits),
    )


LIST = Subcommand(
    "list", "List workflows, newest first.", _add_arguments, _run, is_list=True
)
