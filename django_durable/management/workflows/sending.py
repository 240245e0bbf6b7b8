"""``workflows send``: a message for a workflow."""

import django_durable as durable
from django_durable import conf
from django_durable.management.parser import Parser
from django_durable.management.workflows.output import Output
from django_durable.management.workflows.parsing import json_value
from django_durable.management.workflows.subcommand import (
    Options,
    Subcommand,
    misused,
)
from django_durable.models import Workflow


def _add_arguments(parser: Parser) -> None:
    parser.add_argument("id", help="The workflow.")
    parser.add_argument(
        "message",
        type=json_value,
        metavar="MESSAGE",
        help="JSON; - reads it from the standard input.",
    )
    parser.add_argument("--topic", help="For recv() with this topic.")
    parser.add_argument(
        "--idempotency-key",
        metavar="KEY",
        help="A second message with this key is not delivered.",
    )


def _run(options: Options, out: Output) -> None:
    workflow_id = options["id"]
    try:
        durable.send(
            workflow_id,
            options["message"],
            options["topic"],
            idempotency_key=options["idempotency_key"],
        )
    except (TypeError, ValueError) as error:
        raise misused(str(error)) from error
    rows = Workflow.objects.using(conf.current().database).finished()
    has_ended = rows.filter(pk=workflow_id).exists()
    if out.is_json:
        out.document({"id": workflow_id, "has_ended": has_ended})
    else:
        out.line(f"Sent to {workflow_id}.")
    if has_ended:
        out.note("The workflow has ended: nobody reads the message unless it resumes.")


SEND = Subcommand("send", "Send a message to a workflow.", _add_arguments, _run)
