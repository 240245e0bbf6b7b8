"""``workflows schedules`` and ``schedule``: when workflows begin by themselves."""

from collections.abc import Callable
from typing import Any

import django_durable as durable
from django_durable import conf
from django_durable.definitions import schedules
from django_durable.management.parser import Parser
from django_durable.management.workflows.output import (
    Cell,
    Output,
    Paint,
    moment as shown_moment,
    stamp,
)
from django_durable.management.workflows.parsing import (
    add_database_option,
    alias_of,
    moment,
    text,
)
from django_durable.management.workflows.rows import Document
from django_durable.management.workflows.subcommand import (
    Options,
    Subcommand,
    misused,
    nothing_matched,
)
from django_durable.models import Schedule, Worker

_HEADINGS = ("NAME", "STATE", "CRON", "IN WORDS", "NEXT", "LAST", "OF IT", "SKIPPED")


def condition(row: Schedule, live: set[str] | None) -> str:
    """Return ``paused``, ``undeclared`` (by live workers), ``overdue`` or ``on``.

    Nobody knows what is declared where no worker lives: ``live`` is None.
    """
    if row.is_paused:
        return "paused"
    if live is not None and row.name not in live:
        return "undeclared"
    return "overdue" if row.is_overdue else "on"


def _list(options: Options, out: Output) -> None:
    using = alias_of(options)
    workers = Worker.objects.using(using).live().exclude(kind=Worker.Kind.DIRECT)
    live = workers.live_schedules() if workers.exists() else None
    rows = Schedule.objects.using(using).with_last().order_by("name")
    found = [(row, _document(row, live)) for row in rows]
    if not found:
        declared = len(schedules.all_schedules())
        raise nothing_matched(
            "There is no schedule. A worker stores those that its code declares with"
            f" @durable.schedule when it starts; here {declared} are declared."
        )
    if out.is_json:
        for _, document in found:
            out.record(document)
    else:
        out.table(_HEADINGS, [_cells(row, each, out) for row, each in found])


def _document(row: Any, live: set[str] | None) -> Document:
    return {
        "name": row.name,
        "condition": condition(row, live),
        "workflow_name": row.workflow_name,
        "cron": row.cron,
        "in_words": row.in_words,
        "time_zone": row.time_zone,
        "overlap": row.overlap,
        "catch_up": row.catch_up,
        "queue_name": row.queue_name,
        "next_at": None if row.is_paused else stamp(row.next_at),
        "last_at": stamp(row.last_at),
        "last_workflow_id": row.last_workflow_id,
        "last_status": row.last_status,
        "skipped": row.skipped,
        "skipped_in_row": row.skipped_in_row,
        "paused_at": stamp(row.paused_at),
        "paused_by": row.paused_by,
        "pause_reason": row.pause_reason,
    }


def _cells(row: Any, found: Document, out: Output) -> list[Cell]:
    paints: dict[str, Paint] = {
        "paused": out.style.WARNING,
        "undeclared": out.style.WARNING,
        "overdue": out.style.ERROR,
        "on": out.style.SUCCESS,
    }
    state = found["condition"]
    last: Cell = ""
    if row.last_at is not None:
        last = out.status(row.last_status) if row.last_status else "skipped"
    return [
        row.name,
        (state, paints[state]),
        row.cron,
        f"{row.in_words}, {row.time_zone}",
        "" if row.is_paused else shown_moment(row.next_at),
        shown_moment(row.last_at),
        last,
        f"{row.skipped}, {row.skipped_in_row} in a row" if row.skipped else "0",
    ]


def _add_action(parser: Parser) -> None:
    parser.add_argument("action", choices=tuple(_ACTIONS), help="What to do.")
    parser.add_argument("name", type=text, help="The schedule.")
    parser.add_argument("--reason", type=text, default="", help="Of pause: why.")
    parser.add_argument(
        "--from", type=moment, metavar="WHEN", help="Of backfill: the first moment."
    )
    parser.add_argument(
        "--to", type=moment, metavar="WHEN", help="Of backfill: the last moment."
    )


def _act(options: Options, out: Output) -> None:
    action, name = options["action"], options["name"]
    given = {key for key in ("from", "to") if options[key] is not None}
    if given != ({"from", "to"} if action == "backfill" else set()):
        raise misused("backfill needs --from and --to, which nothing else takes.")
    if options["reason"] and action != "pause":
        raise misused("--reason is for pause.")
    try:
        done, said = _ACTIONS[action](name, options)
    except ValueError as error:
        raise misused(str(error)) from error
    if out.is_json:
        out.document({"name": name, **done})
    else:
        out.line(said)


Done = tuple[Document, str]


def _pause(name: str, options: Options) -> Done:
    took = durable.pause_schedule(name, options["reason"])
    return {"took": took}, f"Paused {name}." if took else f"{name} was paused before."


def _resume(name: str, options: Options) -> Done:
    took = durable.resume_schedule(name)
    return {"took": took}, f"Resumed {name}." if took else f"{name} was not paused."


def _run_now(name: str, options: Options) -> Done:
    handle = durable.run_schedule(name)
    return {"id": handle.workflow_id}, f"Started {handle.workflow_id}."


def _backfill(name: str, options: Options) -> Done:
    handles = durable.backfill_schedule(name, options["from"], options["to"])
    ids = [handle.workflow_id for handle in handles]
    return {"ids": ids}, f"Started {len(ids)} of {name}."


def _delete(name: str, options: Options) -> Done:
    Schedule.objects.using(conf.current().database).forget(name)
    return {
        "deleted": True
    }, f"Deleted {name} and its ticks; a worker that declares it makes it anew."


_ACTIONS: dict[str, Callable[[str, Options], Done]] = {
    "pause": _pause,
    "resume": _resume,
    "run": _run_now,
    "backfill": _backfill,
    "delete": _delete,
}

SCHEDULES = Subcommand(
    "schedules", "List the schedules.", add_database_option, _list, is_list=True
)
SCHEDULE = Subcommand(
    "schedule", "Pause, resume, run, backfill or delete one.", _add_action, _act
)
