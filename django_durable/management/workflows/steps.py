"""``workflows steps``: what a workflow has done, in the order in which it ended."""

from collections import defaultdict
from collections.abc import Sequence

from django_durable.management.parser import Parser
from django_durable.management.workflows import rows as shown
from django_durable.management.workflows.output import (
    Cell,
    Output,
    duration,
    moment,
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
from django_durable.management.workflows.values import (
    Patterns,
    compact,
    decoded,
    failure,
    said,
)
from django_durable.models import Attempt, Step, Workflow
from django_durable.redaction import patterns_for

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
    documents = [_document(workflow.name, step, tries) for step, tries in done]
    patterns = patterns_for(workflow.name, None)  # Their steps have no names yet.
    retried = [_place(*place, tries, patterns) for place, tries in failed.items()]
    if out.is_json:
        for each in documents + retried:
            out.record(each)
    else:
        rows = [
            _cells(step, found, out)
            for (step, _), found in zip(done, documents, strict=True)
        ]
        lasts = [tries[-1] for tries in failed.values()]
        rows += [
            _retried(last, found, out)
            for last, found in zip(lasts, retried, strict=True)
        ]
        out.table(_HEADINGS, rows)


def _failed_attempts(workflow: Workflow) -> dict[tuple[str, int], list[Attempt]]:
    found: dict[tuple[str, int], list[Attempt]] = defaultdict(list)
    for attempt in workflow.attempts.order_by("branch", "step_id", "attempt"):
        found[attempt.branch, attempt.step_id].append(attempt)
    return found


def _document(name: str, step: Step, tries: Sequence[Attempt]) -> Document:
    patterns = patterns_for(name, step.name)
    return {
        **_place(step.branch, step.step_id, tries, patterns),
        "name": step.name,
        "kind": step.kind,
        "output": decoded(step.output, patterns, at="output"),
        "error": failure(step.error, patterns),
        "child_id": step.child_id,
        "worker_id": None if step.worker_id is None else str(step.worker_id),
        "started_at": stamp(step.started_at),
        "completed_at": stamp(step.completed_at),
    }


def _place(
    branch: str, step_id: int, tries: Sequence[Attempt], patterns: Patterns
) -> Document:
    """Return all that is known of a step that has only failed so far."""
    return {
        "branch": branch,
        "step_id": step_id,
        "completed_at": None,
        "failed_attempts": [
            {
                "attempt": each.attempt,
                "error": failure(each.error, patterns),
                "failed_at": stamp(each.failed_at),
                "next_at": stamp(each.next_at),
            }
            for each in tries
        ],
    }


def _cells(step: Step, found: Document, out: Output) -> list[Cell]:
    error, outcome = found["error"], found["output"]
    text = step.child_id or "" if step.output is None else compact(outcome)
    return [
        _number(step),
        step.name,
        step.kind,
        moment(step.started_at),
        duration((step.completed_at - step.started_at).total_seconds()),
        str(len(found["failed_attempts"]) + 1),
        (said(error), out.style.ERROR) if error else text,
    ]


def _retried(last: Attempt, found: Document, out: Output) -> list[Cell]:
    error = said(found["failed_attempts"][-1]["error"])
    outcome = f"next try at {moment(last.next_at)}: {error}"
    cells: list[Cell] = [_number(last), "", "", "", "", str(last.attempt)]
    return [*cells, (outcome, out.style.WARNING)]


def _number(place: Step | Attempt) -> str:
    branch, step_id = place.branch, place.step_id
    return f"{branch}:{step_id}" if branch else str(step_id)


STEPS = Subcommand(
    "steps",
    "List the recorded steps of a workflow.",
    _add_arguments,
    _run,
    is_list=True,
)
