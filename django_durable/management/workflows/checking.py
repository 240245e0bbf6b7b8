"""``workflows check``: does the code at hand fit what workflows have recorded?"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django_durable.definitions import registry
from django_durable.execution.checking import Checked, check
from django_durable.execution.divergence import Divergence
from django_durable.management.parser import Parser
from django_durable.management.workflows.filters import (
    add_filters,
    chosen,
    is_filtered,
)
from django_durable.management.workflows.output import Output
from django_durable.management.workflows.parsing import count
from django_durable.management.workflows.progress import Progress
from django_durable.management.workflows.subcommand import (
    FAILED,
    Incomplete,
    Options,
    Subcommand,
    nothing_matched,
)
from django_durable.models import Workflow
from django_durable.models.workflow import WorkflowQuerySet

_BATCH = 200
# A name, the version of rows, and that of the code at hand, None without code.
Stranding = tuple[str, str, str | None]


def _add_arguments(parser: Parser) -> None:
    add_filters(parser)
    parser.add_argument(
        "--sample",
        type=count,
        metavar="N",
        help="Check the last N that have ended of each definition, too.",
    )


def _run(options: Options, out: Output) -> None:
    kept = chosen(options).defer("output")
    samples = _samples(kept, options["sample"]) if options["sample"] else []
    if options["status"] is None:
        kept = kept.active()
    total = kept.count() + len(samples)
    if not total and is_filtered(options):
        raise nothing_matched("No workflow matches.")
    report = _Report(out)
    with Progress(out.stderr, total) as progress:
        for checked in check(_all(samples, kept)):
            report.add(checked)
            progress.advance(1)
    report.end()


def _samples(kept: WorkflowQuerySet, number: int) -> list[Workflow]:
    """Return the youngest that have ended of each definition at hand."""
    found: list[Workflow] = []
    for definition in registry.all_definitions():
        ended = kept.finished().for_definition(definition)
        found += ended.order_by("-created_at")[:number]
    return found


def _all(samples: list[Workflow], kept: WorkflowQuerySet) -> Iterator[Workflow]:
    """Yield each workflow once, in short reads: to check them takes time."""
    yield from samples
    seen, last = {row.pk for row in samples}, ""
    while batch := list(kept.filter(pk__gt=last).order_by("pk")[:_BATCH]):
        yield from (row for row in batch if row.pk not in seen)
        last = batch[-1].pk


class _Report:
    """What is told of each workflow, and of all of them."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._checked = 0
        self._diverged = 0
        self._stranded: Counter[Stranding] = Counter()
        self._documents: list[dict[str, Any]] = []

    def add(self, checked: Checked) -> None:
        """Count a workflow, and tell what does not fit."""
        self._checked += 1
        self._diverged += checked.divergence is not None
        if checked.is_stranded:
            code = checked.name, checked.version, checked.version_at_hand
            self._stranded[code] += 1
        if checked.divergence is None and not checked.is_stranded:
            return
        if self._out.is_json:
            self._documents.append(_document(checked))
        elif checked.divergence is not None:
            self._tell(checked, checked.divergence)

    def end(self) -> None:
        """Tell the counts; fail where something diverges."""
        if self._out.is_json:
            self._out.document(
                {
                    "checked": self._checked,
                    "diverged": self._diverged,
                    "stranded": self._stranded.total(),
                    "workflows": self._documents,
                }
            )
        else:
            self._tell_counts()
        if self._diverged:
            raise Incomplete(f"The code does not fit {self._diverged}.", FAILED)

    def _tell(self, checked: Checked, divergence: Divergence) -> None:
        paint = self._out.style.ERROR
        self._out.line(f"{checked.workflow_id} ({checked.name})", paint)
        self._out.line(f"    {divergence.message}")
        if divergence.file:
            self._out.line(f"    {_shown(divergence.file)}:{divergence.line}")

    def _tell_counts(self) -> None:
        fitting = self._checked - self._diverged
        self._out.line(
            f"Workflows checked: {self._checked}. The code fits {fitting} of them."
        )
        for (name, version, at_hand), number in sorted(
            self._stranded.items(), key=lambda each: each[0][:2]
        ):
            has = f"the code has {at_hand}" if at_hand else "there is no code"
            self._out.line(
                f"Stranded by this code: {number} of {name}, version {version}; {has}."
            )


def _document(checked: Checked) -> dict[str, Any]:
    found = checked.divergence
    return {
        "id": checked.workflow_id,
        "name": checked.name,
        "status": checked.status,
        "version": checked.version,
        "version_at_hand": checked.version_at_hand,
        "is_stranded": checked.is_stranded,
        "divergence": None
        if found is None
        else {
            "kind": found.difference.name.lower(),
            "message": found.message,
            "branch": found.branch,
            "step_id": found.step_id,
            "recorded": found.recorded,
            "called": found.called,
            "file": found.file,
            "line": found.line,
        },
    }


def _shown(file: str) -> str:
    """Return a path as short as it can be said from here."""
    path = Path(file)
    here = Path(os.curdir).resolve()
    return str(path.relative_to(here)) if path.is_relative_to(here) else file


CHECK = Subcommand(
    "check",
    "Replay workflows by the code at hand, without executing or writing anything.",
    _add_arguments,
    _run,
)
