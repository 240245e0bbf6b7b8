"""``workflows list``: workflows, newest first."""

from django_durable.management.parser import Parser
from django_durable.management.workflows import rows as shown
from django_durable.management.workflows.filters import add_filters, chosen
from django_durable.management.workflows.output import Output, moment
from django_durable.management.workflows.parsing import count
from django_durable.management.workflows.subcommand import (
    Options,
    Subcommand,
    nothing_matched,
)

_HEADINGS = ("ID", "NAME", "STATUS", "QUEUE", "CREATED", "ABOUT")


def _add_arguments(parser: Parser) -> None:
    add_filters(parser)
    parser.add_argument(
        "--limit", type=count, default=50, help="So many at most. Default: 50."
    )


def _run(options: Options, out: Output) -> None:
    limit = options["limit"]
    kept = chosen(options).defer(*shown.PAYLOADS)
    found = list(kept.order_by("-created_at", "-pk")[: limit + 1])
    if not found:
        raise nothing_matched("No workflow matches.")
    live = shown.live_code(kept.db)
    if out.is_json:
        for row in found[:limit]:
            out.record(shown.document(row, live))
    else:
        waits = shown.waits_of(found[:limit], kept.db)
        out.table(
            _HEADINGS,
            [
                (
                    row.pk,
                    row.name,
                    out.status(row.status, ", stranded" * shown.is_stranded(row, live)),
                    row.queue_name,
                    moment(row.created_at),
                    shown.explanation(row, waits[row.pk]),
                )
                for row in found[:limit]
            ],
        )
    if len(found) > limit:
        out.note(f"There are more than these {limit}: see --limit.")


LIST = Subcommand(
    "list", "List workflows, newest first.", _add_arguments, _run, is_list=True
)
