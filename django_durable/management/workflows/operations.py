"""``workflows cancel``, ``resume``, ``restart``, ``fork`` and ``delete``."""

import getpass
from typing import Any

from django_durable import clock
from django_durable.exceptions import InvalidTransition
from django_durable.management.parser import Parser
from django_durable.management.workflows.acting import subcommand_of
from django_durable.management.workflows.operation import Operation
from django_durable.management.workflows.parsing import (
    new_id,
    queue_name,
    text,
)
from django_durable.management.workflows.subcommand import Options, misused
from django_durable.models import Workflow
from django_durable.models.status import Status
from django_durable.models.transitions import RESUMABLE
from django_durable.models.workflow import WorkflowQuerySet


def _add_reason(parser: Parser) -> None:
    parser.add_argument("--reason", type=text, help="Why; kept with the workflow.")


def _reason(options: Options) -> str:
    return options["reason"] or f"cancelled by {_user()} on the command line"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # A container's user may have no name.
        return "somebody"


def _cancel(row: Workflow, options: Options) -> dict[str, Any]:
    if not row.cancel(_reason(options)):
        raise InvalidTransition(row.pk, row.status, "cancel")
    return {}


def _add_queue(parser: Parser) -> None:
    parser.add_argument("--to-queue", type=queue_name, help="Another queue.")


def _resume(row: Workflow, options: Options) -> dict[str, Any]:
    row.resume(queue_name=options["to_queue"])
    return {}


def _resumable(rows: WorkflowQuerySet) -> WorkflowQuerySet:
    delayed = rows.filter(status=Status.ENQUEUED, run_after__gt=clock.now())
    return rows.filter(status__in=RESUMABLE) | rows.stranded() | delayed


def _add_id(parser: Parser) -> None:
    parser.add_argument(
        "--id",
        type=new_id,
        metavar="ID",
        help="Id of the new workflow, if there is one; started once, however often.",
    )


def _check_id(options: Options) -> None:
    if options["id"] is not None and len(options["ids"]) != 1:
        raise misused("--id names one new workflow: give the id of one.")


def _restart(row: Workflow, options: Options) -> dict[str, Any]:
    return {"new": row.restart(workflow_id=options["id"]).pk}


def _add_step(parser: Parser) -> None:
    parser.add_argument(
        "--from-step",
        type=int,
        required=True,
        metavar="N",
        help="The first step to happen again; those before it are kept.",
    )
    parser.add_argument("--branch", type=text, default="", help="The step's branch.")
    _add_queue(parser)
    parser.add_argument("--to-version", type=text, help="Another version of the code.")
    _add_id(parser)


def _forking(options: Options) -> dict[str, Any]:
    return {
        "branch": options["branch"],
        "queue_name": options["to_queue"],
        "version": options["to_version"] or None,
    }


def _fork(row: Workflow, options: Options) -> dict[str, Any]:
    step, given = options["from_step"], _forking(options)
    return {"new": row.fork(step, workflow_id=options["id"], **given).pk}


def _delete(row: Workflow, options: Options) -> dict[str, Any]:
    children = row.delete()[1][Workflow._meta.label] - 1
    return {"children": children} if children else {}


def _delete_many(rows: WorkflowQuerySet, options: Options) -> int:
    return int(rows.delete()[1].get(Workflow._meta.label, 0))


CANCEL = subcommand_of(
    Operation(
        name="cancel",
        past="cancelled",
        one=_cancel,
        many=lambda rows, options: rows.cancel(_reason(options)),
        candidates=lambda rows: rows.active(),
        add_own_arguments=_add_reason,
    ),
    "Cancel workflows with their children.",
)

RESUME = subcommand_of(
    Operation(
        name="resume",
        past="resumed",
        one=_resume,
        many=lambda rows, options: rows.resume(queue_name=options["to_queue"]),
        candidates=_resumable,
        add_own_arguments=_add_queue,
    ),
    "Let cancelled, paused, dead or stranded workflows go on.",
)

RESTART = subcommand_of(
    Operation(
        name="restart",
        past="restarted",
        one=_restart,
        many=lambda rows, options: rows.restart(),
        candidates=lambda rows: rows.finished(),
        add_own_arguments=_add_id,
        check=_check_id,
    ),
    "Start new workflows with the inputs of old ones.",
)

FORK = subcommand_of(
    Operation(
        name="fork",
        past="forked",
        one=_fork,
        many=lambda rows, options: rows.fork(options["from_step"], **_forking(options)),
        candidates=lambda rows: rows.finished(),
        add_own_arguments=_add_step,
        check=_check_id,
    ),
    "Start new workflows that keep the first steps of old ones.",
)

DELETE = subcommand_of(
    Operation(
        name="delete",
        past="deleted",
        one=_delete,
        many=_delete_many,
        candidates=lambda rows: rows.finished(),
    ),
    "Delete finished workflows with their finished children.",
)
