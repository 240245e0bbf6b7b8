"""``workflows prune``: delete what ended long ago."""

from collections.abc import Mapping
from datetime import timedelta

from django_durable import clock, conf
from django_durable.management.parser import Parser
from django_durable.management.workflows.filters import status
from django_durable.management.workflows.output import Output, duration
from django_durable.management.workflows.parsing import (
    add_database_option,
    alias_of,
    count,
    length,
)
from django_durable.management.workflows.progress import Progress
from django_durable.management.workflows.subcommand import (
    Options,
    Subcommand,
    misused,
)
from django_durable.models import Workflow
from django_durable.models.deletion import BATCH, ages_of
from django_durable.models.status import TERMINAL, Status
from django_durable.models.workflow import WorkflowQuerySet


def _add_arguments(parser: Parser) -> None:
    parser.add_argument(
        "--older-than",
        type=length,
        metavar="AGE",
        help="Ended before: 90s, 24h, 7d. Default: what DURABLE['RETENTION'] says.",
    )
    parser.add_argument(
        "--status",
        action="append",
        type=status,
        help="success, error, cancelled or dead. Repeatable. Default: all but dead.",
    )
    parser.add_argument("--limit", type=count, help="So many at most.")
    parser.add_argument(
        "--dry-run", action="store_true", help="Tell how many; delete nothing."
    )
    add_database_option(parser)


def _run(options: Options, out: Output) -> None:
    if options["older_than"] is None and conf.current().retention is None:
        raise misused("Give --older-than, or set DURABLE['RETENTION'].")
    statuses = _statuses(options["status"])
    try:
        ages = ages_of(options["older_than"], statuses)
    except ValueError as error:
        raise misused(str(error)) from error
    rows: WorkflowQuerySet = Workflow.objects.using(alias_of(options)).all()
    counts = {name: _old(rows, name, age).count() for name, age in ages.items()}
    if options["dry_run"]:
        _show(counts, ages, out)
        return
    total = min(sum(counts.values()), options["limit"] or sum(counts.values()))
    done = _prune(rows, statuses, total, options, out)
    if out.is_json:
        out.document({"matched": total, "done": done})
    else:
        out.line(f"Deleted: {done}.")


def _prune(
    rows: WorkflowQuerySet,
    statuses: list[Status] | None,
    total: int,
    options: Options,
    out: Output,
) -> int:
    older_than, limit, done = options["older_than"], options["limit"], 0
    with Progress(out.stderr, total) as progress:
        while limit is None or done < limit:
            size = BATCH if limit is None else min(BATCH, limit - done)
            some = rows.prune(older_than=older_than, statuses=statuses, limit=size)
            progress.advance(some)
            done += some
            if some < size:
                break
    return done


def _statuses(words: list[str] | None) -> list[Status] | None:
    if words is None:
        return None
    by_word = {str(each).lower(): each for each in TERMINAL}
    by_word["dead"] = Status.MAX_RECOVERY_ATTEMPTS_EXCEEDED
    if unknown := [word for word in words if word not in by_word]:
        raise misused(f"Only finished workflows are pruned, not {', '.join(unknown)}.")
    return [by_word[word] for word in words]


def _old(rows: WorkflowQuerySet, name: str, age: float) -> WorkflowQuerySet:
    before = clock.now() - timedelta(seconds=age)
    found: WorkflowQuerySet = rows.filter(status=name, completed_at__lt=before)
    return found


def _show(counts: Mapping[str, int], ages: Mapping[str, float], out: Output) -> None:
    if out.is_json:
        total = sum(counts.values())
        out.document({"matched": total, "by_status": counts, "dry_run": True})
        return
    headings = ("STATUS", "OLDER THAN", "WORKFLOWS")
    out.table(
        headings,
        [
            (out.status(name), duration(ages[name]), str(found))
            for name, found in counts.items()
        ],
    )


PRUNE = Subcommand(
    "prune", "Delete workflows that ended long ago.", _add_arguments, _run
)
