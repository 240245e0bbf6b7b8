"""``workflows steps``: what a workflow has done, in the order in which it ended."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django_durable.management.workflows import rows as shown
from django_durable.management.workflows.output import (
    Cell,
    Output,
    duration,
    moment,
    stamp,
)
from django_durable.management.workflows.parsing import (
    Parser,
    add_database_option,
    alias_of,
)
from django_durable.management.workflows.rows import Document
from django_durable.management.workflows.subcommand import (
    Options,
    Subcommand,
    nothing_matched,
)
from django_durable.management.workflows.values import (
    compact,
    decoded,
    failure,
    said,
)
from django_durable.models import Attempt, Step, Workflow

_HEADINGS = ("STEP", "NAME", "KIND", "STARTED", "TOOK", "TRIES", "OUTCOME")


def _add_arguments(parser: Parser) -> None:
    parser.add_argument("id", help="The workflow.")
    add_database_option(parser)


def _run(options: Options, out: Output) -> None:
    workflow = shown.existing(options["id"], alias_of(options))
    steps = list(workflow.steps.order_by("completed_at", "branch", "step_id"))
    failed = _failed_attempts(workflow)
    done = [(step, failed.pop((step.branch, step.step_id), [])) for step in steps]
    if not done and not failed:
        raise nothing_matched(f"Workflow {workflow.pk!r} has no step.")
    if out.is_json:
        for step, tries in done:
            out.record(_document(step, tries))
        for (branch, step_id), tries in failed.items():
            out.record(_place(branch, step_id, tries))
    else:
        rows = [_cells(step, len(tries), out) for step, tries in done]
        rows += [_retried(*place, tries[-1], out) for place, tries in failed.items()]
        out.table(_HEADINGS, rows)


def _failed_attempts(workflow: Workflow) -> dict[tuple[str, int], list[Attempt]]:
    found: dict[tuple[str, int], list[Attempt]] = defaultdict(list)
    for attempt in workflow.attempts.order_by("branch", "step_id", "attempt"):
        found[attempt.branch, attempt.step_id].append(attempt)
    return found


def _document(step: Step, tries: Sequence[Attempt]) -> Document:
    return {
        **_place(step.branch, step.step_id, tries),
        "name": step.name,
        "kind": step.kind,
        "output": decoded(step.output),
        "error": failure(step.error),
        "child_id": step.child_id,
        "worker_id": None if step.worker_id is None else str(step.worker_id),
        "started_at": stamp(step.started_at),
        "completed_at": stamp(step.completed_at),
    }


def _place(branch: str, step_id: int, tries: Sequence[Attempt]) -> dict[str, Any]:
    """Return all that is known of a step that has only failed so far."""
    return {
        "branch": branch,
        "step_id": step_id,
        "completed_at": None,
        "failed_attempts": [
            {
                "attempt": each.attempt,
                "error": failure(each.error),
                "failed_at": stamp(each.failed_at),
                "next_at": stamp(each.next_at),
            }
            for each in tries
        ],
    }


def _cells(step: Step, failed: int, out: Output) -> list[Cell]:
    error = failure(step.error)
    outcome: Cell = (said(error), out.style.ERROR) if error else _outcome(step)
    took = (step.completed_at - step.started_at).total_seconds()
    return [
        _number(step.branch, step.step_id),
        step.name,
        step.kind,
        moment(step.started_at),
        duration(took),
        str(failed + 1),
        outcome,
    ]


def _outcome(step: Step) -> str:
    if step.output is None:
        return step.child_id or ""
    return compact(decoded(step.output))


def _retried(branch: str, step_id: int, last: Attempt, out: Output) -> list[Cell]:
    error = failure(last.error)
    outcome = f"next try at {moment(last.next_at)}: {said(error) if error else ''}"
    number = _number(branch, step_id)
    style = out.style.WARNING
    return [number, "", "", "", "", str(last.attempt), (outcome, style)]


def _number(branch: str, step_id: int) -> str:
    return f"{branch}:{step_id}" if branch else str(step_id)


STEPS = Subcommand(
    "steps",
    "List the recorded steps of a workflow.",
    _add_arguments,
    _run,
    is_list=True,
)
