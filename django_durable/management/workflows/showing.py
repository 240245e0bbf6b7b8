"""``workflows show``: everything about one workflow but its long lists."""

from django_durable.management.parser import Parser
from django_durable.management.workflows import rows as shown
from django_durable.management.workflows.output import (
    Cell,
    Output,
    duration,
    moment,
    shortened,
)
from django_durable.management.workflows.parsing import (
    add_database_option,
    alias_of,
)
from django_durable.management.workflows.rows import Document
from django_durable.management.workflows.subcommand import Options, Subcommand
from django_durable.management.workflows.values import (
    compact,
    decoded,
    decoded_inputs,
    failure,
    said,
)
from django_durable.models import Wait, Workflow
from django_durable.redaction import patterns_for, patterns_for_failure

LONGEST_VALUE = 2000

# What of a workflow's document is a line of its own, and what it is called there.
_LINES = {
    "name": "definition",
    "version": "version",
    "queue_name": "queue",
    "priority": "priority",
    "summary": "summary",
    "parent_id": "parent",
    "forked_from_id": "forked from",
    "worker_id": "worker",
    "pause_reason": "paused because",
    "cancel_reason": "cancelled because",
    "recovery_attempts": "lost workers",
}
_TIMES = {
    "created_at": "created",
    "started_at": "started",
    "completed_at": "completed",
    "wake_at": "wakes",
    "deadline": "deadline",
}
_LENGTHS = {
    "seconds_queued": "queued",
    "seconds_ran": "ran",
    "seconds_waited": "waited",
}
_LISTS = ("steps", "notifications", "events", "streams", "children")


def _add_arguments(parser: Parser) -> None:
    parser.add_argument("id", help="The workflow.")
    add_database_option(parser)


def _run(options: Options, out: Output) -> None:
    row = shown.existing(options["id"], alias_of(options))
    using, patterns = str(row._state.db), patterns_for(row.name)
    waits = shown.waits_of([row], using)[row.pk]
    found = {
        **shown.document(row, shown.live_code(using)),
        "inputs": decoded_inputs(row.name, row.inputs, patterns),
        "output": decoded(row.output, patterns, at="output"),
        "error": failure(row.error, patterns_for_failure(row.name)),
        "waits": [shown.wait_document(wait) for wait in waits],
        "counts": {name: getattr(row, name).count() for name in _LISTS},
    }
    if out.is_json:
        out.document(found)
    else:
        _print(row, found, waits, out)


def _print(row: Workflow, found: Document, waits: list[Wait], out: Output) -> None:
    error = found["error"]
    out.line(row.pk, out.style.MIGRATE_HEADING)
    out.pairs(
        (f"  {name}", cell)
        for name, cell in [
            ("status", out.status(row.status, ", stranded" * found["is_stranded"])),
            *[(name, str(found[key] or "")) for key, name in _LINES.items()],
            ("subject", f"{row.subject_type}:{row.subject_id}".strip(":")),
            ("attributes", compact(row.attributes) if row.attributes else ""),
            *[(name, moment(getattr(row, key))) for key, name in _TIMES.items()],
            *[
                (name, duration(found[key]) if found[key] else "")
                for key, name in _LENGTHS.items()
            ],
            *[("waits for", shown.wait_text(wait)) for wait in waits],
            *[(name, str(count or "")) for name, count in found["counts"].items()],
            *_payloads(found),
            ("error", said(error) if error else ""),
        ]
        if _said(cell)
    )
    if error and error["traceback"]:
        out.line()
        out.lines(error["traceback"].rstrip(), indent="  ")


def _payloads(found: Document) -> list[tuple[str, Cell]]:
    inputs = found["inputs"]
    shown_inputs = shortened(compact(inputs), LONGEST_VALUE) if inputs else ""
    has_output = found["status"] == Workflow.Status.SUCCESS
    output = shortened(compact(found["output"]), LONGEST_VALUE) if has_output else ""
    return [("inputs", shown_inputs), ("output", output)]


def _said(cell: Cell) -> bool:
    return bool(cell if isinstance(cell, str) else cell[0])


SHOW = Subcommand(
    "show", "Show one workflow with inputs and outcome.", _add_arguments, _run
)
