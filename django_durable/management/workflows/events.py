"""``workflows events``: what a workflow has published under its keys."""

from django_durable.management.workflows import rows as shown
from django_durable.management.workflows.output import Output, moment, stamp
from django_durable.management.workflows.parsing import (
    Parser,
    add_database_option,
    alias_of,
)
from django_durable.management.workflows.subcommand import (
    Options,
    Subcommand,
    nothing_matched,
)
from django_durable.management.workflows.values import compact, decoded
from django_durable.models import Workflow


def _add_arguments(parser: Parser) -> None:
    parser.add_argument("id", help="The workflow.")
    parser.add_argument(
        "--history", action="store_true", help="Every value, not the latest only."
    )
    add_database_option(parser)


def _run(options: Options, out: Output) -> None:
    workflow = shown.existing(options["id"], alias_of(options))
    show = _show_history if options["history"] else _show_latest
    if not show(workflow, out):
        raise nothing_matched(f"Workflow {workflow.pk!r} has published no event.")


def _show_latest(workflow: Workflow, out: Output) -> int:
    events = list(workflow.events.order_by("key"))
    if out.is_json:
        for event in events:
            value, at = decoded(event.value), stamp(event.updated_at)
            out.record({"key": event.key, "value": value, "updated_at": at})
    elif events:
        rows = [
            (event.key, moment(event.updated_at), compact(decoded(event.value)))
            for event in events
        ]
        out.table(("KEY", "UPDATED", "VALUE"), rows)
    return len(events)


def _show_history(workflow: Workflow, out: Output) -> int:
    events = list(workflow.event_history.order_by("set_at", "branch", "step_id"))
    if out.is_json:
        for event in events:
            out.record(
                {
                    "key": event.key,
                    "value": decoded(event.value),
                    "branch": event.branch,
                    "step_id": event.step_id,
                    "set_at": stamp(event.set_at),
                }
            )
    elif events:
        rows = [
            (event.key, moment(event.set_at), compact(decoded(event.value)))
            for event in events
        ]
        out.table(("KEY", "SET", "VALUE"), rows)
    return len(events)


EVENTS = Subcommand(
    "events", "List the events of a workflow.", _add_arguments, _run, is_list=True
)
