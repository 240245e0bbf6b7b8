"""``workflows cancel`` and ``resume``."""

import getpass
from typing import Any

from django_durable import clock
from django_durable.exceptions import InvalidTransition
from django_durable.management.workflows.acting import subcommand_of
from django_durable.management.workflows.operation import Operation
from django_durable.management.workflows.parsing import Parser, text
from django_durable.management.workflows.subcommand import Options
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


def _resume(row: Workflow, options: Options) -> dict[str, Any]:
    row.resume()
    return {}


def _resumable(rows: WorkflowQuerySet) -> WorkflowQuerySet:
    delayed = rows.filter(status=Status.ENQUEUED, run_after__gt=clock.now())
    return rows.filter(status__in=RESUMABLE) | rows.stranded() | delayed


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
        many=lambda rows, options: rows.resume(),
        candidates=_resumable,
    ),
    "Let cancelled, paused, dead or stranded workflows go on.",
)
