"""``workflows start``: store a new workflow for the workers."""

from typing import Any

from django_durable import conf
from django_durable.definitions import registry
from django_durable.definitions.engine import engine
from django_durable.definitions.handles import WorkflowHandle, handle_for
from django_durable.definitions.options import StartOptions
from django_durable.definitions.workflow import WorkflowDefinition
from django_durable.management.parser import Parser
from django_durable.management.workflows import rows as shown
from django_durable.management.workflows.output import Output, shortened
from django_durable.management.workflows.parsing import (
    json_value,
    later,
    length,
    pair,
    text,
)
from django_durable.management.workflows.subcommand import (
    Options,
    Subcommand,
    misused,
    nothing_matched,
)
from django_durable.suggestions import unknown_names

# What the command line calls it, and what using() does.
_USING = {
    "id": "workflow_id",
    "queue": "queue_name",
    "priority": "priority",
    "run_after": "run_after",
    "timeout": "timeout",
    "attribute": "attributes",
}


def _add_arguments(parser: Parser) -> None:
    parser.add_argument("name", type=text, help="The workflow definition.")
    parser.add_argument(
        "--args",
        dest="positional",
        type=json_value,
        default=[],
        metavar="JSON",
        help="A list of arguments; - reads it from the standard input.",
    )
    parser.add_argument(
        "--kwargs",
        dest="named",
        type=json_value,
        default={},
        metavar="JSON",
        help="An object of arguments by their names; - likewise.",
    )
    parser.add_argument("--id", help="The workflow's id: started once, however often.")
    parser.add_argument("--queue", help="Instead of the definition's queue.")
    parser.add_argument("--priority", type=int, help="-100 to 100, larger first.")
    parser.add_argument(
        "--run-after", type=later, metavar="WHEN", help="A time, or how long from now."
    )
    parser.add_argument(
        "--timeout", type=length, metavar="LENGTH", help="How long it may take."
    )
    parser.add_argument(
        "--attribute",
        action="append",
        type=pair,
        metavar="KEY=VALUE",
        help="An attribute to find it by. Repeatable.",
    )


def _run(options: Options, out: Output) -> None:
    args, kwargs = options["positional"], options["named"]
    if not isinstance(args, list) or not isinstance(kwargs, dict):
        raise misused("--args takes a JSON list, --kwargs a JSON object.")
    handle = _start(options["name"], _given(options), args, kwargs)
    if out.is_json:
        out.document({"id": handle.workflow_id, "created": handle.created})
    elif handle.created:
        out.line(f"Started {handle.workflow_id}.")
    else:
        out.line(f"{handle.workflow_id} exists already; nothing was started.")


def _given(options: Options) -> dict[str, Any]:
    given = {name: options[key] for key, name in _USING.items()}
    if given["attributes"] is not None:
        given["attributes"] = dict(given["attributes"])
    return {name: value for name, value in given.items() if value is not None}


def _start(
    name: str, given: dict[str, Any], args: list[Any], kwargs: dict[str, Any]
) -> WorkflowHandle[Any]:
    definition = registry.find(name)
    if definition is None:
        _refuse_unknown(name)
    try:
        if isinstance(definition, WorkflowDefinition):
            return definition.using(**given).start(*args, **kwargs)
        options = StartOptions().with_options(given)
        return handle_for(engine().start(name, None, options, args, kwargs))
    except (TypeError, ValueError) as error:
        raise misused(str(error)) from error


def _refuse_unknown(name: str) -> None:
    """Refuse a name that neither this process has nor a live worker."""
    elsewhere = {known for known, _ in shown.live_code(conf.current().database)}
    if name in elsewhere:
        return
    known = {each.name for each in registry.all_definitions()} | elsewhere
    told = unknown_names("workflow", shortened(name, 80), known)
    raise nothing_matched(told[0].upper() + told[1:])


START = Subcommand("start", "Start a workflow.", _add_arguments, _run)
