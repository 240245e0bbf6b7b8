"""``workflows workers``: who executes workflows, and when it was last heard of."""

from datetime import datetime

from django.db.models import Count
from django.template.defaultfilters import filesizeformat

from django_durable.management.parser import Parser
from django_durable.management.workflows.output import (
    Cell,
    Output,
    Paint,
    duration,
    stamp,
)
from django_durable.management.workflows.parsing import (
    add_database_option,
    alias_of,
)
from django_durable.management.workflows.rows import Document
from django_durable.management.workflows.subcommand import (
    Options,
    Subcommand,
    nothing_matched,
)
from django_durable.models import Worker, Workflow
from django_durable.models.status import Status

_HEADINGS = (
    *("ID", "HOST", "PID", "KIND", "STATE"),
    *("HEARD OF", "RUNS", "MEMORY", "QUEUES"),
)


def condition(worker: Worker, now: datetime) -> str:
    """Return ``fresh``, ``late`` or ``lost``; the state of one that has ended."""
    if worker.state not in Worker.LIVE_STATES:
        return worker.state
    return worker.pulse(now).value


def _add_arguments(parser: Parser) -> None:
    parser.add_argument(
        "--ended", action="store_true", help="Also those that have stopped or died."
    )
    add_database_option(parser)


def _run(options: Options, out: Output) -> None:
    using = alias_of(options)
    workers = Worker.objects.using(using)
    now = workers.database_now()
    rows = workers.order_by("-heartbeat_at", "pk")
    if not options["ended"]:
        rows = rows.filter(state__in=Worker.LIVE_STATES)
    held = _held(using)
    found = [(row, _document(row, now, held.get(row.pk, 0))) for row in rows]
    if not found:
        raise nothing_matched(
            "There is no worker. Start one: python manage.py run_workflows"
        )
    if out.is_json:
        for _, document in found:
            out.record(document)
    else:
        out.table(_HEADINGS, [_cells(row, each, out) for row, each in found])


def _held(using: str) -> dict[object, int]:
    running = Workflow.objects.using(using).filter(status=Status.PENDING)
    return dict(running.values_list("worker").annotate(Count("pk")).order_by())


def _document(worker: Worker, now: datetime, held: int) -> Document:
    return {
        "id": str(worker.pk),
        "host": worker.host,
        "pid": worker.pid,
        "kind": worker.kind,
        "state": worker.state,
        "condition": condition(worker, now),
        "queues": worker.queues,
        "concurrency": worker.concurrency,
        "definitions": worker.definitions,
        "running": held,
        "rss_bytes": worker.rss_bytes,
        "started_at": stamp(worker.started_at),
        "heartbeat_at": stamp(worker.heartbeat_at),
        "silent_seconds": max((now - worker.heartbeat_at).total_seconds(), 0),
    }


def _cells(worker: Worker, found: Document, out: Output) -> list[Cell]:
    paints: dict[str, Paint] = {
        "fresh": out.style.SUCCESS,
        "late": out.style.WARNING,
        "lost": out.style.ERROR,
    }
    state = found["condition"]
    if worker.state == Worker.State.DRAINING and state != "lost":
        state = f"{state}, draining"
    return [
        str(worker.pk),
        worker.host,
        str(worker.pid),
        worker.kind,
        (state, paints.get(found["condition"], str)),
        f"{duration(found['silent_seconds'])} ago",
        str(found["running"]),
        _memory(worker.rss_bytes),
        "all" if worker.queues is None else ", ".join(map(str, worker.queues)),
    ]


def _memory(rss_bytes: int | None) -> str:
    # Its space is one at which no line breaks: not for terminals.
    return "–" if rss_bytes is None else " ".join(filesizeformat(rss_bytes).split())


WORKERS = Subcommand("workers", "List the workers.", _add_arguments, _run, is_list=True)
