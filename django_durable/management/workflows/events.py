"""``workflows events``: what a workflow has published under its keys."""

from django_durable.management.parser import Parser
from django_durable.management.workflows import rows as shown
from django_durable.management.workflows.output import Output, moment, stamp
from django_durable.management.workflows.parsing import (
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
from django_durable.redaction import patterns_for


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
    patterns = patterns_for(workflow.name)
    found = [
        (event, decoded(event.value, patterns, at=event.key))
        for event in workflow.events.order_by("key")
    ]
    if out.is_json:
        for event, value in found:
            at = stamp(event.updated_at)
            out.record({"key": event.key, "value": value, "updated_at": at})
    elif found:
        rows = [
            (event.key, moment(event.updated_at), compact(value))
            for event, value in found
        ]
        out.table(("KEY", "UPDATED", "VALUE"), rows)
    return len(found)


def _show_history(workflow: Workflow, out: Output) -> int:
    patterns = patterns_for(workflow.name)
    found = [
        (event, decoded(event.value, patterns, at=event.key))
        for event in workflow.event_history.order_by("set_at", "branch", "step_id")
    ]
    if out.is_json:
        for event, value in found:
            place = {"branch": event.branch, "step_id": event.step_id}
            at = stamp(event.set_at)
            out.record({"key": event.key, "value": value, **place, "set_at": at})
    elif found:
        rows = [
            (event.key, moment(event.set_at), compact(value)) for event, value in found
        ]
        out.table(("KEY", "SET", "VALUE"), rows)
    return len(found)


EVENTS = Subcommand(
    "events", "List the events of a workflow.", _add_arguments, _run, is_list=True
)
