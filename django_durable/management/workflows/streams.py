"""``workflows stream``: the values of a stream, also as they arrive."""

from collections.abc import Iterator
from typing import Any

import django_durable as durable
from django_durable.management.parser import Parser
from django_durable.management.workflows import rows as shown
from django_durable.management.workflows.output import Output
from django_durable.management.workflows.parsing import alias_of, offset
from django_durable.management.workflows.subcommand import (
    Options,
    Subcommand,
    misused,
    nothing_matched,
)
from django_durable.management.workflows.values import compact, decoded, plain
from django_durable.models import StreamEntry, Workflow
from django_durable.redaction import patterns_for, redacted


def _add_arguments(parser: Parser) -> None:
    parser.add_argument("id", help="The workflow.")
    parser.add_argument("key", nargs="?", help="The stream. Without: what there is.")
    parser.add_argument(
        "--offset", type=offset, default=0, help="Begin with this value. Default: 0."
    )
    parser.add_argument(
        "--follow",
        action="store_true",
        help="Go on until the stream is closed or the workflow has ended.",
    )


def _run(options: Options, out: Output) -> None:
    workflow = shown.existing(options["id"], alias_of(options))
    key = options["key"]
    if key is None:
        if options["follow"] or options["offset"]:
            raise misused("Name the stream to read.")
        _list(workflow, out)
        return
    if options["follow"]:
        values = _arriving(workflow, key, options["offset"])
    else:
        _refuse_unknown(workflow, key)
        values = _stored(workflow, key, options["offset"])
    for number, value in enumerate(values, start=options["offset"]):
        if out.is_json:
            out.record({"offset": number, "value": value})
        else:
            out.lines(compact(value))
            out.stdout.flush()


def _list(workflow: Workflow, out: Output) -> None:
    streams = list(workflow.streams.order_by("key"))
    if not streams:
        raise nothing_matched(f"Workflow {workflow.pk!r} has no stream.")
    if out.is_json:
        for each in streams:
            out.record(
                {"key": each.key, "values": each.next_offset, "closed": each.is_closed}
            )
        return
    rows = [
        (each.key, str(each.next_offset), "closed" if each.is_closed else "")
        for each in streams
    ]
    out.table(("KEY", "VALUES", ""), rows)


def _refuse_unknown(workflow: Workflow, key: str) -> None:
    known = set(workflow.streams.values_list("key", flat=True))
    if key not in known:
        names = ", ".join(map(repr, sorted(known))) or "none"
        raise nothing_matched(
            f"Workflow {workflow.pk!r} has no stream {key!r}; it has {names}."
        )


def _stored(workflow: Workflow, key: str, start: int) -> Iterator[Any]:
    entries = StreamEntry.objects.using(workflow._state.db).filter(
        workflow=workflow, key=key, offset__gte=start
    )
    values = entries.order_by("offset").values_list("value", flat=True)
    patterns = patterns_for(workflow.name)
    for text in values.iterator():
        yield decoded(text, patterns, at=key)


def _arriving(workflow: Workflow, key: str, start: int) -> Iterator[Any]:
    try:
        reader = durable.read_stream(workflow.pk, key, offset=start)
    except (TypeError, ValueError) as error:
        raise misused(str(error)) from error
    patterns = patterns_for(workflow.name)
    return (plain(redacted(value, patterns, at=key)) for value in reader)


STREAM = Subcommand(
    "stream", "Print the values of a stream.", _add_arguments, _run, is_list=True
)
