"""Acting on all workflows that filters keep: shown, confirmed, in batches."""

import sys
from collections.abc import Iterator
from typing import Any

from django.db.models import Count

from django_durable import clock, conf
from django_durable.management.parser import Parser
from django_durable.management.workflows.filters import chosen
from django_durable.management.workflows.operation import Operation
from django_durable.management.workflows.output import Output
from django_durable.management.workflows.progress import Progress
from django_durable.management.workflows.subcommand import (
    Options,
    failed,
    misused,
    nothing_matched,
)
from django_durable.models.workflow import WorkflowQuerySet

BATCH = 50
SHOWN_IDS = 20
# Of more than so many, people have to type the number.
MOST_UNTYPED = 100


def add_arguments(parser: Parser) -> None:
    """Declare what goes with filters instead of ids."""
    group = parser.add_argument_group("with filters instead of ids")
    group.add_argument("--all", action="store_true", help="All that the filters keep.")
    group.add_argument("--yes", action="store_true", help="Do not ask.")
    group.add_argument(
        "--dry-run", action="store_true", help="Show which; change nothing."
    )


def run(operation: Operation, options: Options, out: Output) -> None:
    """Show, ask, act, and tell what came of it."""
    # What is created from now on was not meant.
    kept = chosen(options).filter(created_at__lte=clock.now())
    rows = operation.candidates(kept)
    counts = _counts(rows)
    total = sum(counts.values())
    if not total:
        raise nothing_matched(f"There is nothing to {operation.name}.")
    if options["dry_run"]:
        _show(operation.name, rows, counts, out)
        return
    if not options["yes"]:
        _ask(operation.name, rows, counts, out)
    done = _act(operation, rows, total, options, out)
    if out.is_json:
        out.document({"matched": total, "done": done})
    else:
        children = f", and {done - total} children" if done > total else ""
        done = min(done, total)
        out.line(f"{operation.past.capitalize()}: {done} of {total}{children}.")


def _act(
    operation: Operation,
    rows: WorkflowQuerySet,
    total: int,
    options: Options,
    out: Output,
) -> int:
    done = 0
    try:
        with Progress(out.stderr, total) as progress:
            for ids in _batches(rows):
                done += operation.many(_only(rows, ids), options)
                progress.advance(len(ids))
    except BaseException:  # Ctrl-C, or a database that is gone.
        out.note(f"Stopped. {operation.past.capitalize()}: {done} of {total}.")
        raise
    return done


def _only(rows: WorkflowQuerySet, ids: list[str]) -> WorkflowQuerySet:
    found: WorkflowQuerySet = rows.model._default_manager.using(rows.db).filter(
        pk__in=ids
    )
    return found


def _batches(rows: WorkflowQuerySet) -> Iterator[list[str]]:
    """Yield the ids in order: what has been acted on may be kept no longer."""
    ordered = rows.order_by("pk").values_list("pk", flat=True)
    ids = list(ordered[:BATCH])
    while ids:
        yield ids
        ids = list(ordered.filter(pk__gt=ids[-1])[:BATCH])


def _counts(rows: WorkflowQuerySet) -> dict[str, int]:
    found = rows.order_by().values_list("status").annotate(count=Count("pk"))
    return dict(found.order_by("status"))


def _show(
    verb: str, rows: WorkflowQuerySet, counts: dict[str, int], out: Output
) -> None:
    total = sum(counts.values())
    ids = list(rows.order_by("pk").values_list("pk", flat=True)[:SHOWN_IDS])
    if out.is_json:
        found: dict[str, Any] = {"matched": total, "by_status": counts, "ids": ids}
        out.document({**found, "dry_run": True})
        return
    parts = [f"{count} {_word(out, status)}" for status, count in counts.items()]
    out.line(f"To {verb}: {total} ({', '.join(parts)})")
    for workflow_id in ids:
        out.line(f"  {workflow_id}")
    if total > len(ids):
        out.line(f"  … and {total - len(ids)} more")


def _word(out: Output, status: str) -> str:
    cell = out.status(status)
    return cell if isinstance(cell, str) else cell[0]


def _ask(
    verb: str, rows: WorkflowQuerySet, counts: dict[str, int], out: Output
) -> None:
    """Let somebody at a terminal confirm; refuse where nobody sits."""
    total = sum(counts.values())
    if out.is_json or not sys.stdin.isatty():
        raise misused(
            f"This would {verb} {total}: add --yes, or --dry-run to see them."
        )
    if label := conf.current().env_label:
        out.line(f"This is {label}.", out.style.WARNING)
    _show(verb, rows, counts, out)
    wanted = f"{verb} {total}" if total > MOST_UNTYPED else "yes"
    out.stdout.write(f"Type “{wanted}” to go on: ", ending="")
    out.stdout.flush()
    if sys.stdin.readline().strip() != wanted:
        raise failed("Nothing was done.")
