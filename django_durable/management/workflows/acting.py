"""Subcommands that change workflows: some by their ids, or all that filters keep."""

from typing import Any

from django_durable.exceptions import DurableError, WorkflowNotFound
from django_durable.management.parser import Parser
from django_durable.management.workflows import bulk
from django_durable.management.workflows.filters import add_filters, is_filtered
from django_durable.management.workflows.operation import Operation
from django_durable.management.workflows.output import Output
from django_durable.management.workflows.parsing import alias_of
from django_durable.management.workflows.rows import existing
from django_durable.management.workflows.subcommand import (
    FAILED,
    NOTHING_MATCHED,
    Incomplete,
    Options,
    Subcommand,
    misused,
)
from django_durable.models import Workflow


def subcommand_of(operation: Operation, help: str) -> Subcommand:
    """Return an operation as a word of the command line."""

    def add_arguments(parser: Parser) -> None:
        parser.add_argument("ids", nargs="*", metavar="ID", help="Workflows.")
        operation.add_own_arguments(parser)
        bulk.add_arguments(parser)
        add_filters(parser)

    def run(options: Options, out: Output) -> None:
        operation.check(options)
        if options["ids"]:
            if options["all"] or options["dry_run"] or is_filtered(options):
                raise misused("Give ids, or filters with --all, not both.")
            _act_on_ids(operation, options, out)
            return
        if not options["all"]:
            raise misused("Give ids, or filters with --all.")
        if not is_filtered(options):
            raise misused("--all needs a filter beside it, such as --status or --name.")
        bulk.run(operation, options, out)

    return Subcommand(operation.name, help, add_arguments, run)


def _act_on_ids(operation: Operation, options: Options, out: Output) -> None:
    told: list[dict[str, Any]] = []
    codes = set()
    for workflow_id in options["ids"]:
        found, code = _act(operation, workflow_id, options)
        told.append({"id": workflow_id, **found})
        codes.add(code)
        if not out.is_json:
            _tell(operation, workflow_id, found, out)
    done = sum("error" not in each for each in told)
    error = f"{operation.past.capitalize()}: {done} of {len(told)}."
    if out.is_json:
        problem = {"error": error} if any(codes) else {}
        out.document({"done": done, "workflows": told, **problem})
    if any(codes):
        raise Incomplete(error, FAILED if FAILED in codes else NOTHING_MATCHED)


def _act(
    operation: Operation, workflow_id: str, options: Options
) -> tuple[dict[str, Any], int]:
    try:
        row = existing(workflow_id, alias_of(options))
        return operation.one(row, options), 0
    except (WorkflowNotFound, Workflow.DoesNotExist):  # Or no longer there.
        return {"error": str(WorkflowNotFound(workflow_id))}, NOTHING_MATCHED
    except DurableError as error:
        return {"error": str(error)}, FAILED


def _tell(
    operation: Operation, workflow_id: str, found: dict[str, Any], out: Output
) -> None:
    if "error" in found:
        out.note(found["error"])
        return
    more = "".join(f", {name} {text}" for name, text in found.items())
    out.line(f"{operation.past.capitalize()} {workflow_id}{more}.")
